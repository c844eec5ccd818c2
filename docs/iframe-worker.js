// Browsers start no worker from a file on disk, and the site's search is one. There its script runs in a hidden frame
// of the page instead, which takes and gives the same messages.
"use strict";

if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    onmessage = null;
    onerror = null;
    onmessageerror = null;
    #frame = document.createElement("iframe");
    #waiting = [];
    #ready = false;

    constructor(address) {
      super();
      this.#frame.hidden = true;
      this.#frame.srcdoc = "";
      this.#frame.addEventListener("load", () => this.#start(address), { once: true });
      document.body.append(this.#frame);
    }

    postMessage(data) {
      if (this.#ready) {
        this.#give(data);
      } else {
        this.#waiting.push(data);
      }
    }

    terminate() {
      this.#frame.remove();
    }

    #start(address) {
      const inside = this.#frame.contentWindow;
      inside.postMessage = (data) => setTimeout(() => this.#tell("message", new MessageEvent("message", { data })));
      const script = inside.document.createElement("script");
      script.src = address;
      script.addEventListener("error", () => this.#tell("error", new Event("error")));
      script.addEventListener("load", () => {
        this.#ready = true;
        this.#waiting.splice(0).forEach((data) => this.#give(data));
      });
      inside.document.body.append(script);
    }

    #give(data) {
      const inside = this.#frame.contentWindow;
      if (inside) {
        setTimeout(() => inside.dispatchEvent(new inside.MessageEvent("message", { data })));
      }
    }

    #tell(kind, event) {
      this[`on${kind}`]?.call(this, event);
      this.dispatchEvent(event);
    }
  };
}
