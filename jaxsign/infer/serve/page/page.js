// The page: what is asked goes out here, what comes back is shown by answer.js and timeline.js.
import { showAnswer, showFilm, showPicture, clearAnswer } from "./answer.js";
import { Camera } from "./camera.js";
import { Job } from "./jobs.js";
import { find, make, megabytes } from "./parts.js";

const STAGES = {
  "": "Getting ready", landmarks: "Looking for landmarks", answer: "Recognising",
  timeline: "Listening over time", film: "Drawing the film", boxes: "Looking for boxes", relations: "Telling relations",
};
let facts = null;
let job = null;

// What is seen at work and what a screen reader says; set anew it would be said again.
function tell(text) {
  for (const name of ["stage", "heard"]) {
    if (find(name).textContent !== text) find(name).textContent = text;
  }
}

function fail(text) {
  find("error").textContent = text;
  find("error").hidden = !text;
}

function busy(on) {
  find("work").hidden = !on;
  for (const name of ["file", "camera", "example", "record"]) find(name).disabled = on;
}

function showProgress(told) {
  const bar = find("progress");
  if (told.share > 0) bar.value = told.share;
  else bar.removeAttribute("value");
  if (told.state === "waiting") {
    tell(told.before > 1 ? `Waiting: ${told.before - 1} before this one` : "Waiting for its turn");
  } else if (!told.ready) {
    tell("The net is being compiled, once");
  } else {
    tell(`${STAGES[told.stage] ?? told.stage} …`);
  }
}

async function ask(body, name, query) {
  if (job) return;
  if (body && body.size > facts.max_bytes) {
    fail(`${name}: ${megabytes(body.size)}, more than the ${megabytes(facts.max_bytes)} that are taken. ` +
      "Choose a shorter film, or start jaxsign serve with a larger --max-mb.");
    return;
  }
  fail("");
  clearAnswer();
  busy(true);
  tell("Sending …");
  const own = job = new Job();
  const title = name ?? `made-up ${facts.example}`;
  try {
    const answer = {};
    await own.send(body, query, (share) => { find("progress").value = share; });
    for await (const told of own.progress()) {
      showProgress(told);
      for (const part of told.parts) {
        const first = !answer.answer;
        Object.assign(answer, part);
        showAnswer(answer, title, first);
        if (first) find("heard").textContent = answer.said;
      }
    }
    if (answer.film) showFilm(await own.file("film"), answer, title);
    if (answer.picture) showPicture(await own.file("picture"));
  } catch (problem) {
    if (problem.name !== "AbortError") fail(problem.message);
  } finally {
    own.forget();
    job = null;
    busy(false);
  }
}

function askFile(file) {
  ask(file, file.name, `name=${encodeURIComponent(file.name)}`);
}

function listen() {
  const drop = find("drop");
  find("file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) askFile(file);
  });
  for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", over);
      if (name === "drop" && event.dataTransfer.files[0]) askFile(event.dataTransfer.files[0]);
    });
  }
  find("example").addEventListener("click", () => ask(null, null, "example=1"));
  find("cancel").addEventListener("click", () => job?.cancel());
  window.addEventListener("pagehide", () => job?.forget());
  new Camera(fail, (film, name) => ask(film, name, `name=${name}`));
}

function showFacts() {
  document.title = `${facts.run} – jaxsign`;
  find("run").textContent = facts.run;
  find("about").textContent = facts.net;
  find("ask-title").textContent = facts.question;
  find("takes").textContent = `or drop it here: ${facts.takes}, at most ${megabytes(facts.max_bytes)}`;
  find("camera").hidden = !facts.films || !navigator.mediaDevices;
  find("example").hidden = !facts.example;
  find("example").textContent = `Try a made-up ${facts.example}`;
  find("no-films").hidden = facts.films;
  find("no-films").textContent = `No films: ${facts.why_no_films}`;
  const known = Object.entries(facts.labels).filter(([, names]) => names.length);
  find("knows").replaceChildren(...known.map(([head, names]) => make("details", {}, [
    make("summary", { textContent: `${head}: the ${names.length} it knows` }),
    make("p", { textContent: names.join(" · ") }),
  ])));
}

facts = await (await fetch("run")).json();
showFacts();
listen();
find("main").hidden = false;
