"use strict";
// Labels are painted as numbers, without soft edges: every pixel is of one class.
(() => {
  const $ = (id) => document.getElementById(id);
  const studio = $("studio"), canvas = $("canvas"), photo = $("photo"), status = $("status");
  const size = Number(studio.dataset.size), smallest = Number(studio.dataset.smallest);
  const fills = Boolean(studio.dataset.fills);
  const KEPT = 50; // drawings to go back to
  const HOLE = [232, 51, 109];
  const tints = new Map([...document.querySelectorAll("[data-tint]")].map((input) => {
    const number = parseInt(input.dataset.tint.slice(1), 16);
    return [Number(input.value), [number >> 16, number >> 8 & 255, number & 255]];
  }));
  const context = canvas.getContext("2d", { willReadFrequently: true });

  let width = size, height = size, labels = new Uint8Array(size * size);
  let original = null; // RGB bytes of what holes are cut into
  let seed = 0, before = [], last = null, busy = false, waiting = false, made = null;

  function resize(toWidth, toHeight) {
    canvas.width = width = toWidth;
    canvas.height = height = toHeight;
    labels = new Uint8Array(width * height);
    before = [];
    show();
  }

  function show() {
    const image = context.createImageData(width, height), to = image.data;
    for (let at = 0; at < labels.length; at++) {
      const label = labels[at];
      for (let channel = 0; channel < 3; channel++) {
        const below = original ? original[3 * at + channel] : 0;
        to[4 * at + channel] = !fills ? tints.get(label)[channel]
          : label ? 0.65 * HOLE[channel] + 0.35 * below : below;
      }
      to[4 * at + 3] = fills && !original ? 0 : 255;
    }
    context.putImageData(image, 0, 0);
    $("undo").disabled = !before.length;
    $("clear").disabled = !labels.some(Boolean);
  }

  // A stroke from one place to the next: discs along the line, close enough to touch.
  function stroke(from, to) {
    const label = Number(document.querySelector("[name=label]:checked").value);
    const radius = Number($("brush").value) / 2;
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(to.x - from.x, to.y - from.y)));
    for (let step = 0; step <= steps; step++) {
      const x = from.x + (to.x - from.x) * step / steps, y = from.y + (to.y - from.y) * step / steps;
      const top = Math.max(0, Math.floor(y - radius)), bottom = Math.min(height - 1, Math.ceil(y + radius));
      const left = Math.max(0, Math.floor(x - radius)), right = Math.min(width - 1, Math.ceil(x + radius));
      for (let row = top; row <= bottom; row++) {
        for (let column = left; column <= right; column++) {
          if (Math.hypot(column + 0.5 - x, row + 0.5 - y) <= radius) labels[row * width + column] = label;
        }
      }
    }
    show();
  }

  // Where the pointer is, in pixels of the drawing, which is fitted into the canvas.
  function place(event) {
    const box = canvas.getBoundingClientRect();
    const scale = Math.min(box.width / width, box.height / height);
    return {
      x: (event.clientX - box.left - (box.width - scale * width) / 2) / scale,
      y: (event.clientY - box.top - (box.height - scale * height) / 2) / scale,
    };
  }

  function keep() {
    before.push(labels.slice());
    if (before.length > KEPT) before.shift();
  }

  function say(sentence, wrong = false) {
    status.value = sentence;
    status.classList.toggle("wrong", wrong);
  }

  // One question at a time; strokes that come meanwhile are asked together afterwards.
  async function ask() {
    if (fills && !original) return;
    if (busy) { waiting = true; return; }
    busy = true;
    $("result").classList.add("busy");
    const started = performance.now();
    try {
      const answer = await fetch(`/image?height=${height}&width=${width}&seed=${seed}`, {
        method: "POST",
        headers: { "Content-Type": "application/octet-stream" },
        body: new Blob(fills ? [labels, original] : [labels]),
      });
      if (!answer.ok) throw new Error(await answer.text());
      made = await answer.blob();
      const old = photo.src;
      photo.src = $("save").href = URL.createObjectURL(made);
      if (old) URL.revokeObjectURL(old);
      photo.hidden = $("save").hidden = false;
      $("hint").hidden = true;
      if (fills) $("go-on").hidden = !labels.some(Boolean);
      say(`${Math.round(performance.now() - started)} ms`);
    } catch (error) {
      say(error instanceof TypeError
        ? "No answer: is tag2mask paint still running?" : error.message, true);
    }
    $("result").classList.remove("busy");
    busy = false;
    if (waiting) { waiting = false; ask(); }
  }

  // The longer side becomes that of the images that the model was trained on.
  async function load(file) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      say("This file is no image that the browser can read.", true);
      return;
    }
    const scale = size / Math.max(bitmap.width, bitmap.height);
    const fit = (side) => Math.max(smallest, Math.round(side * scale));
    const easel = new OffscreenCanvas(fit(bitmap.width), fit(bitmap.height));
    const brush = easel.getContext("2d");
    brush.imageSmoothingQuality = "high";
    brush.drawImage(bitmap, 0, 0, easel.width, easel.height);
    const found = brush.getImageData(0, 0, easel.width, easel.height).data;
    original = new Uint8Array(easel.width * easel.height * 3);
    for (let at = 0; at < original.length / 3; at++) original.set(found.subarray(4 * at, 4 * at + 3), 3 * at);
    resize(easel.width, easel.height);
    $("hint").textContent = "Brush over what shall go.";
    say(`${bitmap.width} × ${bitmap.height}, painted at ${width} × ${height}`);
    ask();
  }

  function undo() {
    if (!before.length) return;
    labels = before.pop();
    show();
    ask();
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || last || fills && !original) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    keep();
    last = { id: event.pointerId, ...place(event) };
    stroke(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last || last.id !== event.pointerId) return;
    // All places since the last frame, where the browser tells them: fast strokes stay round.
    const parts = event.getCoalescedEvents?.() ?? [];
    for (const part of parts.length ? parts : [event]) {
      const next = { id: event.pointerId, ...place(part) };
      stroke(last, next);
      last = next;
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      if (!last || last.id !== event.pointerId) return;
      last = null;
      ask();
    });
  }
  $("undo").addEventListener("click", undo);
  $("clear").addEventListener("click", () => { keep(); labels.fill(0); show(); ask(); });
  $("vary").addEventListener("click", () => { seed += 1; ask(); });
  $("brush").addEventListener("input", () => { $("brush-size").value = `${$("brush").value} px`; });
  $("load")?.addEventListener("change", (event) => { if (event.target.files[0]) load(event.target.files[0]); });
  $("go-on")?.addEventListener("click", () => load(made));
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z") { event.preventDefault(); undo(); }
  });
  $("brush").dispatchEvent(new Event("input"));
  resize(size, size);
})();
