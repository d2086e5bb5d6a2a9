// The page of a catalog: reads its files from the folder that it lies in, and nothing else.

import { itemAddress, readCatalog } from "./catalog.js";
import { commandsFor, datetimeOf } from "./commands.js";
import { ItemIndex, MOST_KEY_BYTES } from "./item_index.js";
import { TrackMap } from "./map.js";
import { ChangedError } from "./ranged_file.js";
import land from "land";

// Bytes of footprints that are read without being asked for.
const UNASKED_BYTES = 6_000_000;
const UNASKED_BYTES_OF_AN_AREA = 16_000_000; // they decide what is in it
// Without an area footprints are drawn, but decide nothing: of a large row group in which fewer are
// found than this share, they are not worth reading unasked.
const WORTH_READING = 0.1;
const LARGE = 100_000;
const ROWS_SHOWN = 200;
const AREA = ["west", "south", "east", "north"];

const base = new URL(".", location.href);
const byId = (id) => document.getElementById(id);
const count = new Intl.NumberFormat("en");
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

let catalog = null;
let index = null;
let map = null;
let running = new AbortController();
let found = []; // of the last search: { group, items }
let items = []; // all of them, by start
let outside = new Set(); // those whose footprints do not meet the area
let filter = {};
let shown = ROWS_SHOWN;
let chosen = null;

start();

async function start() {
  colours();
  map = new TrackMap(byId("map"), land, { picked, area: setArea });
  listen();
  readAddress();
  if (location.protocol === "file:") {
    fail("A browser reads no files beside a page from disk. Host the folder: catalog-builder serve DIR");
    return;
  }
  const opening = ItemIndex.open(new URL("items.parquet", base));
  opening.catch(() => {}); // told below
  try {
    catalog = await readCatalog(base);
    tell();
    index = await opening;
    tellFacts();
  } catch (error) {
    fail(error);
    return;
  }
  search();
}

function tell() {
  document.title = catalog.title;
  byId("title").textContent = catalog.title;
  byId("description").textContent = catalog.description;
  for (const collection of catalog.collections) {
    const cited = element("p");
    const doi = collection.doi && `https://doi.org/${collection.doi}`;
    const [before, ...after] = (collection.citation || collection.title).split(doi || undefined);
    cited.append(before, doi ? link(doi, doi) : "", after.join(doi || ""));
    const more = element("p");
    for (const { href, title } of collection.links) more.append(link(href, title), " ");
    byId("citations").append(cited, more);
    byId("collection").append(new Option(collection.title, collection.id));
  }
  byId("collection-label").hidden = catalog.collections.length < 2;
}

function tellFacts() {
  const ends = catalog.collections.flatMap((one) => one.interval).filter((one) => typeof one === "string");
  const days = ends.map((one) => one.slice(0, 10)).sort();
  const facts = [
    ["Granules", count.format(index.rows)],
    ["Period", days.length ? `${days[0]} to ${days.at(-1)}` : ""],
    ["Collections", catalog.collections.map((one) => one.title).join("; ")],
    ["Updated", index.file.modified ? new Date(index.file.modified).toISOString().slice(0, 10) : ""],
  ];
  for (const [name, value] of facts) {
    if (!value) continue;
    const fact = element("div");
    fact.append(element("dt", name), element("dd", value));
    byId("facts").append(fact);
  }
}

// Searches for what the form asks for, and shows it; `fit`: so that the map shows the area.
async function search(fit = true) {
  const asked = readForm();
  if (!asked) return;
  filter = asked;
  running.abort();
  running = new AbortController();
  const { signal } = running;
  show([]);
  map.setArea(filter.area ?? null);
  if (filter.area && fit) map.fit(filter.area);
  const groups = index.candidates(filter);
  const bytes = index.keyBytes(groups);
  if (bytes > MOST_KEY_BYTES) {
    const rows = groups.reduce((total, group) => total + group.rows, 0);
    const narrow = filter.area || filter.from || filter.to ? "a smaller area or a shorter time" : "an area or a time";
    say(`${count.format(rows)} granules are too many to show at once: give ${narrow}.`);
    return;
  }
  say("Reading …");
  const came = [];
  try {
    found = await index.find(groups, filter, (number, some) => {
      came.push(...some);
      say(`Reading … ${count.format(came.length)} granules so far`);
    }, signal);
    show(came.sort((a, b) => a.start - b.start || (a.id < b.id ? -1 : 1)));
    tellCount();
    await readFootprints(filter.area ? UNASKED_BYTES_OF_AN_AREA : UNASKED_BYTES, signal);
  } catch (error) {
    stopped(error);
  }
}

// Reads footprints that are missing, of the row groups with most items found first.
async function readFootprints(most, signal) {
  const left = found.filter(({ group }) => !group.drawn).sort((a, b) => b.items.length - a.items.length);
  const now = found.filter(({ group }) => group.drawn);
  let bytes = 0;
  for (const one of left) {
    const size = index.footprintBytes([one.group]);
    const few = one.items.length < WORTH_READING * one.group.rows;
    if (most < Infinity && !filter.area && few && size > LARGE) continue;
    bytes += size;
    if (bytes > most && now.length) break;
    now.push(one);
  }
  await index.readFootprints(now, filter, (some, others) => {
    for (const item of others) outside.add(item);
    map.refresh(some);
    if (others.size) showFound();
    tellCount();
  }, signal);
  tellCount();
}

function tellCount() {
  const left = found.filter(({ group }) => !group.drawn);
  const unread = left.reduce((total, one) => total + one.items.length, 0);
  const number = count.format(items.length - outside.size);
  const whole = items.length - outside.size === index.rows ? "all" : `of ${count.format(index.rows)}`;
  const one = items.length - outside.size === 1 ? "granule" : "granules";
  const boxes = unread && filter.area ? `at most: of ${count.format(unread)} only the boxes were tested` : "";
  const footprints = unread && !filter.area ? `footprints of ${count.format(unread)} not read` : "";
  const more = [boxes, footprints, `${megabytes(index.file.bytesRead)} read`].filter(Boolean).join("; ");
  say(`${number} ${one} (${whole}); ${more}.`);
  const button = byId("more-footprints");
  button.hidden = !unread;
  const bytes = index.footprintBytes(left.map(({ group }) => group));
  button.textContent = `Read the other ${count.format(unread)} footprints (${megabytes(bytes)})`;
}

// Shows items; found footprints take out some of them later.
function show(some) {
  items = some;
  found = some.length ? found : [];
  outside = new Set();
  shown = ROWS_SHOWN;
  byId("more-footprints").hidden = true;
  choose(null);
  showFound();
}

function showFound() {
  const left = outside.size ? items.filter((item) => !outside.has(item)) : items;
  map.set(left);
  byId("copy-ids").disabled = !left.length;
  byId("more-rows").hidden = left.length <= shown;
  byId("rows").replaceChildren(...left.slice(0, shown).map(row));
}

function row(item) {
  const line = element("tr");
  const name = element("th");
  name.scope = "row";
  const button = element("button", item.id);
  button.type = "button";
  button.addEventListener("click", () => choose(item));
  name.append(button);
  line.append(name);
  const collection = item.collection || catalog.collections[0]?.id || "";
  const files = catalog.collections.find((one) => one.id === collection)?.hasItemFiles;
  const address = files ? itemAddress(base, collection, item) : null;
  if (address) {
    const json = link(address, "item");
    json.setAttribute("aria-label", `STAC item of ${item.id}`);
    name.append(" ", json);
  }
  const start = item.start instanceof Date ? item.start.toISOString().slice(0, 19).replace("T", " ") : "";
  for (const value of [start, item.rgt, item.cycle, item.region]) line.append(element("td", String(value)));
  if (item === chosen) line.setAttribute("aria-current", "true");
  line.item = item;
  return line;
}

// Highlights an item in the table and on the map.
function choose(item, scroll = false) {
  chosen = item;
  map.choose(item);
  byId("chosen").textContent = item ? `Chosen: ${item.id}` : "";
  for (const line of byId("rows").children) {
    if (line.item === item) line.setAttribute("aria-current", "true");
    else line.removeAttribute("aria-current");
    if (scroll && line.item === item) line.scrollIntoView({ block: "nearest" });
  }
}

// What was clicked on the map.
function picked(some) {
  if (!some.length) {
    choose(null);
    return;
  }
  const next = some[(some.indexOf(chosen) + 1) % some.length];
  choose(next, true);
  if (some.length > 1) byId("chosen").textContent += ` (one of ${some.length} here; click again for the next)`;
}

// The filter of the form; null, with a message, if it makes no sense.
function readForm() {
  const value = (id) => byId(id).value.trim();
  const problem = (text) => {
    byId("problem").textContent = text;
    byId("problem").hidden = !text;
    return null;
  };
  const invalid = [...byId("filters").elements].find((one) => one.willValidate && !one.validity.valid);
  if (invalid) {
    invalid.focus();
    return problem(`${invalid.labels[0].firstChild.textContent.trim()}: ${invalid.validationMessage}`);
  }
  const sides = AREA.map(value);
  const given = sides.filter(Boolean).length;
  if (given && given < 4) return problem("An area needs west, south, east and north.");
  const area = given ? Object.fromEntries(AREA.map((name, i) => [name, Number(sides[i])])) : undefined;
  if (area && area.south > area.north) return problem("South is greater than north.");
  const [from, to] = [value("from"), value("to")];
  if (from && to && from > to) return problem("The time ends before it begins.");
  problem("");
  const asked = {
    from: from ? new Date(`${from}T00:00:00Z`) : undefined,
    to: to ? new Date(`${to}T23:59:59.999Z`) : undefined,
    rgt: Number(value("rgt")) || undefined,
    cycle: Number(value("cycle")) || undefined,
    collection: value("collection") || undefined,
    area,
  };
  writeAddress();
  writeCommands({ ...asked, datetime: datetimeOf(from, to) });
  return asked;
}

function writeCommands(asked) {
  const texts = commandsFor(base.href, asked);
  const titles = {
    python: "Python",
    intake: "Intake",
    cli: "Command line",
    stac: "pystac: the whole catalog",
    duckdb: "DuckDB: the index",
  };
  byId("commands").replaceChildren(
    ...Object.entries(titles).map(([name, title]) => {
      const box = element("div");
      box.className = "command";
      const bar = element("div");
      const button = element("button", "Copy");
      button.type = "button";
      button.setAttribute("aria-label", `Copy: ${title}`);
      const code = element("pre", texts[name]);
      code.tabIndex = 0;
      code.dataset.command = name;
      button.addEventListener("click", () => copy(texts[name], button));
      bar.append(element("h3", title), button);
      box.append(bar, code);
      return box;
    }),
  );
}

async function copy(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select the text and copy it"; // no clipboard without https
  }
  setTimeout(() => (button.textContent = label), 2000);
}

// Keeps the filters in the address, so that it can be passed on.
function writeAddress() {
  const words = new URLSearchParams();
  for (const { name, value } of byId("filters").elements) if (name && value.trim()) words.set(name, value.trim());
  history.replaceState(null, "", words.size ? `#${words}` : location.pathname + location.search);
}

function readAddress() {
  for (const field of byId("filters").elements) if (field.name) field.value = "";
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    const field = byId("filters").elements.namedItem(name);
    if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = value;
  }
}

function setArea(area) {
  const round = (value, up) => (up ? Math.ceil(value * 1000) : Math.floor(value * 1000)) / 1000;
  for (const name of AREA) byId(name).value = round(area[name], name === "east" || name === "north");
  drawsArea(false);
  if (index) search(false);
}

function drawsArea(draws) {
  map.picksArea = draws;
  byId("area-draw").setAttribute("aria-pressed", String(draws));
  byId("map").classList.toggle("picking", draws);
}

function listen() {
  const filters = byId("filters");
  filters.addEventListener("submit", (event) => {
    event.preventDefault();
    if (index) search();
  });
  filters.addEventListener("reset", () => setTimeout(() => index && search()));
  addEventListener("hashchange", () => {
    readAddress();
    if (index) search();
  });
  byId("area-view").addEventListener("click", () => {
    const area = map.visibleArea();
    if (area) setArea(area);
  });
  byId("area-draw").addEventListener("click", () => drawsArea(!map.picksArea));
  byId("more-rows").addEventListener("click", () => {
    shown += ROWS_SHOWN;
    showFound();
  });
  byId("more-footprints").addEventListener("click", async () => {
    byId("more-footprints").hidden = true;
    try {
      await readFootprints(Infinity, running.signal);
    } catch (error) {
      stopped(error);
    }
  });
  byId("copy-ids").addEventListener("click", (event) => {
    const ids = items.filter((item) => !outside.has(item)).map((item) => item.id);
    copy(`${ids.join("\n")}\n`, event.currentTarget);
  });
  byId("zoom-in").addEventListener("click", () => map.zoomBy(1.5));
  byId("zoom-out").addEventListener("click", () => map.zoomBy(1 / 1.5));
  byId("zoom-home").addEventListener("click", () => map.home());
  const views = [...document.querySelectorAll("[data-view]")];
  for (const button of views) {
    button.addEventListener("click", () => {
      for (const one of views) one.setAttribute("aria-pressed", String(one === button));
      map.show(button.dataset.view);
    });
  }
  // STAC Browser reads the catalog itself: it must be in reach of where that runs.
  const address = new URL("catalog.json", base).href.replace(/^https:\/\//, "");
  byId("browser").href = `https://radiantearth.github.io/stac-browser/#/external/${address}`;
}

function colours() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const select = byId("theme");
  const apply = () => {
    document.documentElement.dataset.theme = select.value || (dark.matches ? "dark" : "light");
    map?.redraw();
  };
  try {
    const kept = localStorage.getItem("catalog-page-colours");
    if (["light", "dark"].includes(kept)) select.value = kept;
  } catch {} // no storage: the choice is not kept
  select.addEventListener("change", () => {
    try {
      localStorage.setItem("catalog-page-colours", select.value);
    } catch {}
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}

function stopped(error) {
  if (error.name !== "AbortError") fail(error);
}

function fail(problem) {
  const text =
    problem instanceof ChangedError
      ? "The catalog was rebuilt while this page was open: load the page again."
      : `${problem.message ?? problem}`;
  byId("problem").textContent = text;
  byId("problem").hidden = false;
  say("");
}

function say(text) {
  byId("count").textContent = text;
}

// Text of records is set as text alone, never as HTML.
function element(tag, text = "") {
  const one = document.createElement(tag);
  one.textContent = text;
  return one;
}

function link(href, text) {
  const one = element("a", text);
  one.href = href;
  one.rel = "noopener noreferrer";
  return one;
}
