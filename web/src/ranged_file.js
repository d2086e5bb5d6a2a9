// A file behind HTTP, read by byte ranges, all of one version.

const TAIL = 1 << 17;
// Pieces with less than this between them are one request: it costs less than a round trip.
const GAP = 1 << 16;

export class ChangedError extends Error {}

export class RangedFile {
  constructor(url) {
    this.url = url;
    this.bytesRead = 0;
    this.requests = 0;
  }

  // Opens the file with one request, for its end, where Parquet has its footer.
  async open() {
    const answer = await this.#fetch(`bytes=-${TAIL}`);
    const body = await answer.arrayBuffer();
    this.bytesRead += body.byteLength;
    this.version = versionOf(answer);
    this.modified = answer.headers.get("Last-Modified");
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.headers.get("Content-Range") || "");
    if (answer.status === 206 && range) {
      this.byteLength = Number(range[2]);
      this.tail = { start: Number(range[1]), body };
    } else if (body.byteLength <= TAIL) {
      this.byteLength = body.byteLength; // a small file that is served as a whole
      this.tail = { start: 0, body };
    } else {
      throw new Error("This host serves no byte ranges, which the map and the search need.");
    }
    return this;
  }

  // The bytes from start to end - 1, as hyparquet asks for them.
  async slice(start, end = this.byteLength) {
    const tail = this.tail;
    if (tail && start >= tail.start) return tail.body.slice(start - tail.start, end - tail.start);
    const answer = await this.#fetch(`bytes=${start}-${end - 1}`);
    if (answer.status !== 206) {
      throw new Error("This host serves no byte ranges, which the map and the search need.");
    }
    if (versionOf(answer) !== this.version) throw new ChangedError();
    const body = await answer.arrayBuffer();
    this.bytesRead += body.byteLength;
    if (body.byteLength !== end - start) throw new Error("The host cut an answer short.");
    return body;
  }

  // A view of the file in which these ranges, [start, end] each, are in memory.
  async loaded(ranges) {
    const joined = [];
    for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
      const last = joined.at(-1);
      if (last && start - last[1] <= GAP) last[1] = Math.max(last[1], end);
      else joined.push([start, end]);
    }
    const parts = await Promise.all(
      joined.map(async ([start, end]) => ({ start, end, body: await this.slice(start, end) })),
    );
    return {
      byteLength: this.byteLength,
      slice: (start, end) => {
        const part = parts.find((one) => one.start <= start && end <= one.end);
        return part ? part.body.slice(start - part.start, end - part.start) : this.slice(start, end);
      },
    };
  }

  async #fetch(range) {
    this.requests += 1;
    const answer = await fetch(this.url, { headers: { Range: range }, cache: "no-cache" });
    if (answer.status === 416) throw new ChangedError();
    if (!answer.ok) throw new Error(`The host answered ${answer.status} for ${this.url}.`);
    return answer;
  }
}

function versionOf(answer) {
  return answer.headers.get("ETag") || answer.headers.get("Last-Modified");
}
