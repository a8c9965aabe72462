// One upload: sent, asked after until it ends, and forgotten.

const PAUSE = 250; // milliseconds

async function checked(answer) {
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.error ?? `The server answers ${answer.status}.`);
}

async function get(path, options) {
  try {
    return await checked(await fetch(path, options));
  } catch (problem) {
    if (problem instanceof TypeError) throw new Error("jaxsign does not answer. Is it still running?");
    throw problem;
  }
}

export class Job {
  constructor() {
    this.key = "";
    this.stop = new AbortController();
  }

  // fetch tells no progress of what it sends, so this is older machinery.
  send(body, query, heard) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", `jobs?${query}`);
      request.responseType = "json";
      request.upload.onprogress = (event) => heard(event.loaded / event.total);
      request.onload = () => {
        this.key = request.response?.job ?? "";
        if (request.status === 202) resolve();
        else reject(new Error(request.response?.error ?? `The server answers ${request.status}.`));
      };
      request.onerror = () => reject(new Error("The upload broke off. Is jaxsign still running?"));
      request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
      this.stop.signal.addEventListener("abort", () => request.abort());
      request.send(body);
    });
  }

  async *progress() {
    for (let known = 0; ;) {
      const told = await (await get(`jobs/${this.key}?known=${known}`, { signal: this.stop.signal })).json();
      known += told.parts.length;
      yield told;
      if (told.state === "failed") throw new Error(told.error);
      if (told.state === "cancelled") throw new DOMException("cancelled", "AbortError");
      if (told.state === "done") return;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  async file(name) {
    return (await get(`jobs/${this.key}/${name}`, { signal: this.stop.signal })).blob();
  }

  cancel() {
    this.stop.abort();
  }

  // Also while the page is being left.
  forget() {
    if (this.key) fetch(`jobs/${this.key}`, { method: "DELETE", keepalive: true }).catch(() => {});
    this.key = "";
  }
}
