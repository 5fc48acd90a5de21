"""Tables on storage: Parquet parts and a manifest, written so that nothing is ever half there."""
