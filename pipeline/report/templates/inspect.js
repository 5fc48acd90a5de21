"use strict";
// The state of the filters lives in the address after "#", so that a view can be linked to.
const form = document.getElementById("filters");
const grid = document.getElementById("grid");
const dialog = document.getElementById("close-up");
const measures = ["confidence", "iou"].filter((name) => form.elements[`${name}-from`]);
const cards = [...grid.children].map((element, position) => ({
  element,
  position,
  tags: JSON.parse(element.dataset.tags),
  picks: JSON.parse(element.dataset.picks),
  quality: Object.fromEntries(measures.map((name) => [name, JSON.parse(element.dataset[name])])),
}));

// Of the chosen class where the card has it, else of the whole mask.
function quality(card, measure, name) {
  const values = card.quality[measure];
  return name && name in values ? values[name] : values[""];
}

// Sliders count in thousandths. At their ends they let pass what nobody has measured, too.
function within(card, measure, name) {
  const from = form.elements[`${measure}-from`];
  const to = form.elements[`${measure}-to`];
  if (from.value === from.min && to.value === to.max) return true;
  const value = quality(card, measure, name);
  return value !== undefined && value >= from.value / 1000 && value <= to.value / 1000;
}

function matches(card, name, kind) {
  const chosen = name
    ? kind
      ? card.picks.some(([pick, of]) => pick === kind && of === name)
      : card.tags.includes(name)
    : !kind || card.picks.some(([pick]) => pick === kind);
  return chosen && measures.every((measure) => within(card, measure, name));
}

function arrange(order, name) {
  const measure = order.replace("-", "");
  const sign = order.startsWith("-") ? -1 : 1;
  const key = (card) => quality(card, measure, name);
  const sorted = [...cards].sort((a, b) => {
    if (!order || key(a) === key(b)) return a.position - b.position;
    // Cards without the measure come last either way.
    if (key(a) === undefined || key(b) === undefined) return key(a) === undefined ? 1 : -1;
    return sign * (key(a) - key(b));
  });
  grid.append(...sorted.map((card) => card.element));
}

let arranged = "";
function apply() {
  const { class: name, show, view, order } = Object.fromEntries(new FormData(form));
  for (const card of cards) card.element.hidden = !matches(card, name, show);
  const arrangement = order && `${order} ${name}`;
  if (arrangement !== arranged) arrange(order, name);
  arranged = arrangement;
  grid.dataset.view = view;
  const shown = cards.filter((card) => !card.element.hidden).length;
  document.getElementById("count").value = `${shown} of ${cards.length} shown`;
  for (const input of form.querySelectorAll("[type=range]")) {
    input.nextElementSibling.value = (input.value / 1000).toFixed(3);
  }
}

function isDefault(element) {
  if (element.type === "radio") return element.checked === element.defaultChecked;
  if (element.tagName === "SELECT") return element.selectedIndex === 0;
  return element.value === element.defaultValue;
}

function toAddress() {
  const chosen = [...new FormData(form)].filter(([name]) => {
    const control = form.elements[name];
    return !(control.length && !control.tagName ? [...control] : [control]).every(isDefault);
  });
  const state = new URLSearchParams(chosen).toString();
  history.replaceState(null, "", state ? `#${state}` : "#masks");
}

function fromAddress() {
  const state = location.hash.slice(1);
  if (!state.includes("=")) return; // a section of the page
  form.reset();
  for (const [name, value] of new URLSearchParams(state)) {
    const control = form.elements[name];
    if (control) control.value = value;
  }
  apply();
  document.getElementById("masks").scrollIntoView();
}

function enlarge(card) {
  const views = dialog.querySelector(".views");
  views.replaceChildren();
  for (const view of ["image", "outline", "overlay", "ground-truth"]) {
    if (view !== "image" && !card.querySelector(`.layer.${view}`)) continue;
    const figure = document.createElement("figure");
    const stack = document.createElement("div");
    const caption = document.createElement("figcaption");
    figure.dataset.view = view;
    stack.className = "stack";
    stack.append(...[...card.querySelector(".stack").children].map((layer) => layer.cloneNode(true)));
    const image = stack.firstElementChild;
    stack.style.aspectRatio = `${image.getAttribute("width")} / ${image.getAttribute("height")}`;
    caption.className = "quiet";
    caption.textContent = view.replace("-", " ");
    figure.append(stack, caption);
    views.append(figure);
  }
  const words = card.querySelector("figcaption").cloneNode(true);
  dialog.querySelector(".words").replaceChildren(...words.children);
  dialog.showModal();
}

grid.addEventListener("click", (event) => {
  const stack = event.target.closest(".stack");
  if (stack) enlarge(stack.closest(".card"));
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest(".close")) dialog.close();
});
form.addEventListener("input", () => {
  apply();
  toAddress();
});
form.addEventListener("reset", () => {
  // The controls have their first values only after this event.
  setTimeout(() => {
    apply();
    toAddress();
  });
});
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", fromAddress);
form.hidden = false;
apply();
fromAddress();
