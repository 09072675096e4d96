"use strict";
// The page's data (display/pages/evaluation_page.py describes it); every row of it is one image.
const {metrics, runs, pictures} = JSON.parse(document.getElementById("data").textContent);
const INPUT = "input", TARGET = "target";
const MOST = 20;                      // images among the worst, among the best, or in one list
const outputs = runs.map(run => run.name);
const measured = metrics.filter(metric => metric.per_picture);
const byName = new Intl.Collator(undefined, {numeric: true});
const $ = id => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    name in element ? element[name] = value : element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// JSON has no infinity: Python writes a word that Number() reads.
function valueOf(picture, run, metric) {
  const value = picture.values[run]?.[metric];
  return value === undefined ? undefined : Number(value);
}

function written(value, metric) {
  if (value === undefined) return "–";
  return Number.isFinite(value) ? value.toFixed(metric.places) : "∞";
}

function image(source, label) {
  return make("img", {src: source, alt: label, loading: "lazy", decoding: "async"});
}

function choices(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) =>
    make("option", {value, textContent: text, selected: value === chosen})));
}

// The viewer: two images on top of each other; the slider divides the left from the right.

let current = 0;

function show(index, scroll = true) {
  current = (index + pictures.length) % pictures.length;
  const picture = pictures[current];
  const shown = Object.keys(picture.shown);
  for (const side of ["left", "right"]) {
    const wanted = $(side).value;
    choices($(side), shown.map(label => [label, label]), shown.includes(wanted) ? wanted : shown[0]);
  }
  draw();
  $("shown_name").textContent = picture.name;
  const cells = measured.map(metric => outputs.map(run =>
    make("td", {className: "number"}, written(valueOf(picture, run, metric.key), metric))));
  if (measured.length) $("shown_values").replaceChildren(
    make("tr", {}, make("th"), ...outputs.map(run => make("th", {className: "number"}, run))),
    ...measured.map((metric, row) => make("tr", {}, make("th", {}, metric.label), ...cells[row])));
  for (const row of document.querySelectorAll("#all tbody tr"))
    row.classList.toggle("chosen", row.dataset.name === picture.name);
  if (scroll) $("viewer").scrollIntoView({block: "nearest"});
}

function draw() {
  const {shown} = pictures[current];
  $("under").src = shown[$("right").value];
  $("over").src = shown[$("left").value];
  $("under").alt = $("right").value;
  $("over").alt = $("left").value;
  const percent = $("slider").value;
  $("over").style.clipPath = `inset(0 ${100 - percent}% 0 0)`;
  $("divider").style.left = `${percent}%`;
}

function startViewer() {
  const labels = [...new Set(pictures.flatMap(picture => Object.keys(picture.shown)))];
  const right = labels.includes(TARGET) ? TARGET : labels[labels.length - 1];
  choices($("left"), labels.map(label => [label, label]), labels.find(it => outputs.includes(it)));
  choices($("right"), labels.map(label => [label, label]), right);
  for (const id of ["left", "right", "slider"]) $(id).addEventListener("input", draw);
  $("previous").onclick = () => show(current - 1);
  $("next").onclick = () => show(current + 1);
  // A drag anywhere on the image moves the divider.
  const follow = event => {
    if (!event.buttons && event.type !== "click") return;
    const box = $("stage").getBoundingClientRect();
    $("slider").value = 100 * (event.clientX - box.left) / box.width;
    draw();
  };
  for (const type of ["pointerdown", "pointermove", "click"])
    $("stage").addEventListener(type, follow);
  show(0, false);
}

// The worst and the best images of one run by one metric.

function rank() {
  const run = $("rank_run").value;
  const metric = measured.find(it => it.key === $("rank_metric").value);
  const sign = metric.higher_is_better ? 1 : -1;
  const ranked = pictures.map((picture, index) => [sign * valueOf(picture, run, metric.key), index])
    .filter(([value]) => !Number.isNaN(value))
    .sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  const figures = found => found.map(([, index]) => figure(index, run, metric));
  const isOneList = ranked.length <= MOST;
  const most = isOneList ? MOST : Math.min(MOST, Math.ceil(ranked.length / 2));
  $("worst_title").textContent = isOneList ? "All, the worst first" : "Worst";
  $("best_title").hidden = $("best").hidden = isOneList;
  $("worst").replaceChildren(...figures(ranked.slice(0, most)));
  const labels = new Set(pictures.flatMap(picture => Object.keys(picture.shown)));
  $("strip_labels").textContent = stripOf(run).filter(label => labels.has(label)).join(" | ");
  $("best").replaceChildren(...figures(isOneList ? [] : ranked.slice(-most).reverse()));
}

function figure(index, run, metric) {
  const picture = pictures[index];
  const sides = stripOf(run).filter(label => picture.shown[label]);
  const caption = make("figcaption", {}, make("b", {}, written(
    valueOf(picture, run, metric.key), metric)), ` ${picture.name}`);
  const strip = make("div", {className: "strip"},
    ...sides.map(label => image(picture.shown[label], label)));
  return make("button", {type: "button", className: "figure", title: sides.join(" | "),
    onclick: () => show(index)}, strip, caption);
}

// Up to three runs are shown side by side, more would be too small.
function stripOf(run) {
  return [INPUT, ...(outputs.length > 3 ? [run] : outputs), TARGET];
}

function startRanks() {
  if (!measured.length) return $("ranks").remove();
  choices($("rank_run"), outputs.map(name => [name, name]), outputs[0]);
  choices($("rank_metric"), measured.map(metric => [metric.key, metric.label]), measured[0].key);
  $("rank_run").parentElement.hidden = outputs.length < 2;
  for (const id of ["rank_run", "rank_metric"]) $(id).addEventListener("input", rank);
  rank();
}

// The table: a column for each metric of each run.

function startTable() {
  const columns = measured.flatMap(metric => runs.map(run => ({metric, run: run.name})));
  const heading = ({metric, run}) => [
    `${metric.label} ${metric.higher_is_better ? "↑" : "↓"}`, ...(runs.length > 1 ? [make("small", {}, run)] : [])];
  const heads = [make("th", {scope: "col"}, make("button", {type: "button"}, "Image")),
    ...columns.map(column => make("th", {scope: "col"},
      make("button", {type: "button"}, ...heading(column))))];
  const rows = pictures.map((picture, index) => {
    const thumbnail = picture.shown[outputs.find(run => picture.shown[run]) ?? TARGET];
    const name = make("td", {}, make("button", {type: "button", className: "name",
      onclick: () => show(index)}, ...(thumbnail ? [image(thumbnail, "")] : []), picture.name));
    const values = columns.map(({metric, run}) => valueOf(picture, run, metric.key));
    const cells = values.map((value, place) =>
      make("td", {className: "number"}, written(value, columns[place].metric)));
    const row = make("tr", {}, name, ...cells);
    row.dataset.name = picture.name;
    return {row, name: picture.name, values};
  });
  const body = make("tbody", {}, ...rows.map(({row}) => row));
  $("all").append(make("thead", {}, make("tr", {}, ...heads)), body);

  heads.forEach((head, place) => head.firstChild.onclick = () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    rows.sort((one, other) => order(one, other, place - 1, up ? 1 : -1));
    body.append(...rows.map(({row}) => row));
  });
}

// Images without a value come last in both directions.
function order(one, other, column, sign) {
  const [a, b] = [one.values[column], other.values[column]];
  if (column >= 0 && (a === undefined) !== (b === undefined)) return a === undefined ? 1 : -1;
  if (column >= 0 && a !== b && a !== undefined) return sign * (a < b ? -1 : 1);
  return (column >= 0 ? 1 : sign) * byName.compare(one.name, other.name);
}

startTable();
startRanks();
startViewer();

// Phones show no scroll bars, so a line tells that a table is wider than the page.
for (const box of document.querySelectorAll(".scores, .wide")) {
  const line = make("p", {className: "status more"}, "More columns on the right: scroll the table →");
  box.before(line);
  new ResizeObserver(() => line.hidden = box.scrollWidth <= box.clientWidth).observe(box);
}
