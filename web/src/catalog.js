// What the page tells of a catalog, from its JSON files. Nothing of it is trusted: it is shown as
// text, and its links lead only to http(s).

// Title, description and collections of the catalog in the folder `base`.
export async function readCatalog(base) {
  const root = await readJson(new URL("catalog.json", base));
  const children = linksOf(root).filter((link) => link.rel === "child");
  const hrefs = children.map((link) => inside(base, link.href)).filter(Boolean);
  const collections = await Promise.all(hrefs.map(readJson));
  return {
    title: text(root.title) || text(root.id) || "A catalog",
    description: text(root.description),
    collections: collections
      .filter((one) => one.type === "Collection")
      .map((one) => ({
        id: text(one.id),
        title: text(one.title) || text(one.id),
        citation: text(one["sci:citation"]),
        doi: doiOf(one["sci:doi"]),
        interval: one.extent?.temporal?.interval?.[0] ?? [],
        links: linksOf(one)
          .filter((link) => ["about", "license", "cite-as"].includes(link.rel))
          .map((link) => ({ href: webAddress(link.href), title: text(link.title) || link.rel }))
          .filter((link) => link.href),
        hasItemFiles: linksOf(one).some((link) => link.rel === "child"),
      })),
  };
}

// Address of an item's file in the folder `base`; null if the id is not a granule's.
export function itemAddress(base, collection, item) {
  const day = /^ATL\d\d[A-Z]*(?:-0[12])?_(\d{4})(\d\d)(\d\d)\d{6}_/.exec(item.id);
  if (!day || !/^[A-Z0-9]+_\d{3}$/.test(collection)) return null;
  const cycle = String(item.cycle).padStart(2, "0");
  const date = `${day[1]}-${day[2]}-${day[3]}`;
  return new URL(`${collection}/cycle-${cycle}/${date}/${encodeURIComponent(item.id)}.json`, base);
}

async function readJson(url) {
  const answer = await fetch(url, { cache: "no-cache" });
  if (!answer.ok) throw new Error(`The host answered ${answer.status} for ${url}.`);
  return answer.json();
}

function linksOf(page) {
  return Array.isArray(page.links) ? page.links.filter((link) => link && typeof link === "object") : [];
}

// A link to a file of the catalog; null for one that leads out of it.
function inside(base, href) {
  const url = new URL(text(href), base);
  return url.href.startsWith(base.href) ? url : null;
}

function webAddress(href) {
  const url = URL.parse?.(text(href)) ?? null;
  return url && ["http:", "https:"].includes(url.protocol) ? url.href : null;
}

function doiOf(value) {
  return /^10\.\d{4,9}\/\S+$/.test(text(value)) ? text(value) : null;
}

function text(value) {
  return typeof value === "string" ? value : "";
}
