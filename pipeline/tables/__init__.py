"""Tables on storage: Parquet parts and a manifest, which appear complete or not at all."""
