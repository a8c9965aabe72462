// What an answer looks like: heading, doubts, bars, film, and the files to take away.
import { find, make, percent } from "./parts.js";
import { showTimeline } from "./timeline.js";

let urls = [];

export function clearAnswer() {
  for (const url of urls) URL.revokeObjectURL(url);
  urls = [];
  for (const name of ["film", "picture"]) find(name).removeAttribute("src");
  for (const name of ["result", "shown", "pictured", "timeline", "no-timeline", "downloads"]) find(name).hidden = true;
  for (const name of ["said", "doubts", "choices", "timeline", "downloads"]) find(name).replaceChildren();
}

export function showAnswer(answer, name, first) {
  find("result").hidden = false;
  find("source").textContent = answer.frames ? `${name}, ${answer.frames} frames` : name;
  if (first) {
    find("said").textContent = answer.said;
    find("choices").replaceChildren(...Object.entries(answer.choices).flatMap(([of, list]) => choices(of, list)));
    find("result").scrollIntoView({ block: "nearest" });
  }
  const notes = [...answer.doubts, ...answer.told];
  find("doubts").replaceChildren(...notes.map((text) => make("li", { className: "note", textContent: text })));
  if (answer.timeline) showTimeline(find("timeline"), answer.timeline, find("film"));
  find("no-timeline").hidden = !answer.no_timeline;
  find("no-timeline").textContent = `No timeline: ${answer.no_timeline}`;
  showDownloads(answer, name);
}

function choices(of, list) {
  return [
    make("h3", { textContent: of }),
    make("ol", { className: "choices" }, list.map(([name, share]) => {
      const bar = make("div", { className: "bar" });
      bar.style.width = `${100 * share}%`;
      bar.ariaHidden = "true";
      return make("li", {}, [
        bar,
        make("span", { textContent: name }),
        make("span", { className: "number", textContent: percent(share) }),
      ]);
    })),
  ];
}

export function showFilm(blob, answer, name) {
  const url = address(blob);
  find("film").src = url;
  find("shown").hidden = false;
  answer.address = url;
  showDownloads(answer, name);
}

export function showPicture(blob) {
  find("picture").src = address(blob);
  find("pictured").hidden = false;
}

function showDownloads(answer, name) {
  const stem = name.replace(/(\.clip)?\.[^.]*$/, "") || "answer";
  const whole = { ...answer.answer, ...(answer.timeline ? { timeline: answer.timeline } : {}) };
  const text = JSON.stringify(whole, null, 2) + "\n";
  const links = [
    ["JSON", `${stem}.json`, address(new Blob([text], { type: "application/json" }))],
    ["CSV", `${stem}.csv`, address(new Blob([answer.csv], { type: "text/csv" }))],
  ];
  if (answer.address) links.push(["Film", `${stem}.told.mp4`, answer.address]);
  find("downloads").hidden = false;
  find("downloads").replaceChildren(...links.map(([label, download, href]) =>
    make("a", { className: "button", textContent: `Save ${label}`, download, href })));
}

function address(blob) {
  const url = URL.createObjectURL(blob);
  urls.push(url);
  return url;
}
