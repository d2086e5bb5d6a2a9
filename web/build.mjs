// Bundles the page into one file, with its script, style, land and licences in it:
// `node build.mjs FILE`. The same sources give the same bytes.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { feature } from "topojson-client";

const SHIPPED = ["hyparquet", "fzstd", "world-atlas"];
const text = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const json = (path) => JSON.parse(text(path));

// Land as rings of hundredths of a degree, each number the difference to the one before.
function land() {
  const atlas = json("node_modules/world-atlas/land-110m.json");
  const rings = feature(atlas, atlas.objects.land)
    .features.flatMap(({ geometry }) => geometry.coordinates)
    .flat();
  const packed = rings.map(continuous).map((ring) => {
    let [x, y] = [0, 0];
    return ring.flatMap(([lon, lat]) => {
      const [nextX, nextY] = [Math.round(lon * 100), Math.round(lat * 100)];
      const steps = [nextX - x, nextY - y];
      [x, y] = [nextX, nextY];
      return steps;
    });
  });
  return `
    export default ${JSON.stringify(packed)}.map((steps) => {
      const ring = new Float32Array(steps.length);
      let [x, y] = [0, 0];
      for (let i = 0; i < steps.length; i += 2) {
        ring[i] = (x += steps[i]) / 100;
        ring[i + 1] = (y += steps[i + 1]) / 100;
      }
      return ring;
    });`;
}

// A ring without jumps at ±180, so that it may reach beyond; one around the south pole (Antarctica)
// is closed along it.
function continuous(ring) {
  let turn = 0;
  const out = ring.map(([lon, lat], i) => {
    if (i) turn -= 360 * Math.round((lon - ring[i - 1][0]) / 360);
    return [lon + turn, lat];
  });
  const middle = out.reduce((total, [lon]) => total + lon, 0) / out.length;
  for (const point of out) point[0] -= 360 * Math.round(middle / 360);
  return turn ? [...out, [out.at(-1)[0], -90], [out[0][0], -90]] : out;
}

const landModule = {
  name: "land",
  setup(building) {
    building.onResolve({ filter: /^land$/ }, () => ({ path: "land", namespace: "land" }));
    building.onLoad({ filter: /.*/, namespace: "land" }, () => ({ contents: land() }));
  },
};

async function bundled(entry, options = {}) {
  const { outputFiles } = await build({
    absWorkingDir: import.meta.dirname,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    charset: "utf8",
    legalComments: "none", // they are told below
    target: ["chrome120", "firefox121", "safari17"],
    write: false,
    ...options,
  });
  return outputFiles[0].text.trim();
}

// The content security policy lets run only what has these hashes.
const hash = (body) => `sha256-${createHash("sha256").update(body).digest("base64")}`;

const licences = SHIPPED.map((name) => {
  const { version } = json(`node_modules/${name}/package.json`);
  return `${name} ${version}\n\n${text(`node_modules/${name}/LICENSE`).trim()}`;
});
licences.push("Natural Earth (land, in world-atlas): public domain, https://www.naturalearthdata.com");

// Digest of what the page is made from: a test compares it, so that no change is left unbundled.
const sources = ["build.mjs", "package-lock.json", "page.html"];
sources.push(...readdirSync(new URL("src", import.meta.url)).sort().map((name) => `src/${name}`));
const digest = createHash("sha256");
for (const name of sources) digest.update(text(name));

const escaped = (body) => body.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const script = await bundled("src/main.js", { format: "iife", plugins: [landModule] });
const style = await bundled("src/style.css");
if (/<\/script|<!--/i.test(script)) throw new Error("The script would end its element.");
const parts = {
  SOURCES: digest.digest("hex"),
  SCRIPT_HASH: hash(script),
  STYLE_HASH: hash(style),
  SCRIPT: script,
  STYLE: style,
  LICENCES: escaped(licences.join("\n\n\n")),
};
const page = text("page.html").replace(/%([A-Z_]+)%/g, (_, name) => parts[name]);
writeFileSync(process.argv[2], page);
