// Signs and windows over time; pressing one takes the film there. The same as a table below.
import { make, percent, seconds } from "./parts.js";

export function showTimeline(place, told, film) {
  const length = Math.max(told.seconds, 1e-3);
  const at = (time) => `${100 * Math.min(1, Math.max(0, time / length))}%`;
  const go = (time) => { film.currentTime = time; };
  const { rows, list, note } = told.things ? ofThings(told.things) : ofSigns(told);
  place.replaceChildren(
    make("h3", { textContent: "over time" }),
    ...rows.filter((row) => row.length).map((row) => track(row, at, go)),
    make("div", { className: "scale" }, [0, length / 2, length].map((time) => make("span", { textContent: seconds(time) }))),
    ...(note ? [make("p", { className: "small", textContent: note })] : []),
    table(list),
  );
  place.hidden = false;
  follow(place, film, at);
}

// A row of signs, a row of windows.
function ofSigns(told) {
  const signs = told.signs.map((one) =>
    ({ name: one.gloss, share: one.confidence, start: one.start, end: one.end, kind: "sign" }));
  const windows = middles(told.windows);
  const note = signs.length ? "" : "No sign is sure for long enough to be told in a stream.";
  return { rows: [signs, joined(windows)], list: [...signs, ...windows], note };
}

// A row for every object and relation.
function ofThings(things) {
  const rows = things.map(({ kind, name, score, spells }) =>
    spells.map(([start, end]) => ({ kind, name, share: score, start, end })));
  return { rows, list: rows.flat(), note: rows.length ? "" : "Nothing is sure enough to be told." };
}

const MOST = 1000; // rows of the table; the CSV file has all

// Windows overlap; each is drawn where it is the nearest one.
function middles(windows) {
  const centres = windows.map((one) => (one.start + one.end) / 2);
  return windows.map((one, i) => ({
    name: one.candidates[0][0],
    share: one.candidates[0][1],
    start: i ? (centres[i - 1] + centres[i]) / 2 : one.start,
    end: i + 1 < windows.length ? (centres[i] + centres[i + 1]) / 2 : one.end,
    kind: "window",
  }));
}

// Neighbours of one name as one block, as sure as they are on average.
function joined(windows) {
  const blocks = [];
  for (const one of windows) {
    const last = blocks.at(-1);
    if (last?.name === one.name) {
      last.share = (last.share * last.count + one.share) / (last.count + 1);
      last.end = one.end;
      last.count += 1;
    } else {
      blocks.push({ ...one, count: 1 });
    }
  }
  return blocks;
}

function track(row, at, go) {
  return make("div", { className: "track" }, row.map((one) => {
    const label = `${one.name}, ${percent(one.share)}, ${seconds(one.start)} to ${seconds(one.end)}`;
    const block = make("button", { type: "button", className: one.kind === "relation" ? "sign" : one.kind, textContent: one.name, title: label });
    block.ariaLabel = `${one.kind}: ${label}`;
    block.style.left = at(one.start);
    block.style.width = `calc(${at(one.end)} - ${at(one.start)})`;
    if (one.kind === "window") {
      block.style.opacity = (0.35 + 0.65 * one.share).toFixed(2);
      block.tabIndex = -1; // there are many, and the table has them all
    }
    block.addEventListener("click", () => go(one.start));
    return block;
  }));
}

function table(rows) {
  const head = ["", "name", "confidence", "from", "to"].map((text) => make("th", { scope: "col", textContent: text }));
  const body = rows.slice(0, MOST).map((one) => make("tr", {}, [
    one.kind, one.name, percent(one.share), seconds(one.start), seconds(one.end),
  ].map((text) => make("td", { textContent: text }))));
  const made = make("table", {}, [make("thead", {}, [make("tr", {}, head)]), make("tbody", {}, body)]);
  return make("details", {}, [make("summary", { textContent: "as a table" }), make("div", { className: "table" }, [made])]);
}

// A line that goes with the film.
function follow(place, film, at) {
  const marks = [...place.querySelectorAll(".track")].map((one) => {
    const mark = make("div", { className: "now" });
    one.append(mark);
    return mark;
  });
  film.ontimeupdate = () => { for (const mark of marks) mark.style.left = at(film.currentTime); };
}
