// Commands that open the catalog, with what the filters ask for, to be copied.

// `address` of the catalog's folder; `filter` as of ItemIndex, with dates as they were typed.
export function commandsFor(address, { datetime, rgt, cycle, area }) {
  // Addresses hold no double quote, backslash or space; the rest must not end a quoted word.
  const url = address.replace(/\/$/, "").replaceAll("'", "%27").replaceAll("$", "%24");
  const box = area && [area.west, area.south, area.east, area.north];
  const words = [
    box && ["bbox", `[${box.join(", ")}]`, `--bbox=${box.join(",")}`],
    datetime && ["datetime", `"${datetime}"`, `--datetime ${datetime}`],
    rgt && ["rgt", rgt, `--rgt ${rgt}`],
    cycle && ["cycle", cycle, `--cycle ${cycle}`],
  ].filter(Boolean);
  const keywords = words.map(([name, value]) => `${name}=${value}`).join(", ");
  const options = words.map((word) => ` ${word[2]}`).join("");
  return {
    python: [
      "import catalog_builder as cb",
      "",
      `index = cb.open_index("${url}")`,
      `found = index.search(${keywords})`,
      "found.ids, found.to_geodataframe()",
    ].join("\n"),
    intake: [
      "import intake",
      "",
      `cat = intake.open_catalog("${url}/catalog.yml")`,
      `near = cat.granules.search(${keywords})`,
      'beam = near[list(near)[0]](beam="gt1l").read()',
    ].join("\n"),
    cli: `catalog-builder find '${url}'${options}`,
    stac: ["import pystac", "", `catalog = pystac.Catalog.from_file("${url}/catalog.json")`].join("\n"),
    duckdb: `SELECT id, assets.data.href FROM '${url}/items.parquet' LIMIT 10;`,
  };
}

// Datetime of two dates, yyyy-mm-dd; either may be empty.
export function datetimeOf(from, to) {
  if (!from && !to) return "";
  return `${from || ".."}/${to || ".."}`;
}
