// items.parquet, searched in the browser. Statistics in its footer say which row groups can hold
// what is looked for; of those the key columns are read, then the footprints, and nothing else.

import { decompress } from "fzstd";
import { parquetMetadataAsync, parquetRead } from "hyparquet";
import { boxesMeet, boxesOf, ringsMeet, ringsOf } from "./geometry.js";
import { RangedFile } from "./ranged_file.js";

const KEYS = [
  "id",
  "start_datetime",
  "end_datetime",
  "sat:relative_orbit",
  "sat:orbit_cycle",
  "icesat2:region",
  "bbox",
];

const COMPRESSORS = {
  ZSTD: (input, size) => decompress(input, new Uint8Array(size)),
};

// Bytes of key columns that a search reads at most; with more it asks for an area or a time.
export const MOST_KEY_BYTES = 8_000_000;

// Rows whose footprints are kept in memory.
const KEPT_ROWS = 60_000;

// Requests that are under way at once: browsers send six to a host.
const AT_ONCE = 6;

export class ItemIndex {
  static async open(url) {
    const file = await new RangedFile(url).open();
    const metadata = await parquetMetadataAsync(file, {
      initialFetchSize: Math.min(file.byteLength, file.byteLength - file.tail.start),
      geoparquet: false,
    });
    file.tail = undefined;
    return new ItemIndex(file, metadata);
  }

  constructor(file, metadata) {
    this.file = file;
    this.metadata = metadata;
    this.rows = Number(metadata.num_rows);
    const names = new Set(metadata.row_groups[0]?.columns.map((one) => topName(one)));
    const lacking = KEYS.filter((key) => !names.has(key));
    if (lacking.length) throw new Error(`items.parquet lacks the columns ${lacking.join(", ")}.`);
    this.keys = names.has("collection") ? [...KEYS, "collection"] : KEYS;
    let first = 0;
    this.groups = metadata.row_groups.map((group, number) => {
      const rows = Number(group.num_rows);
      const one = { number, first, rows, chunks: group.columns, items: null, drawn: null };
      first += rows;
      return one;
    });
    this.keptRows = 0;
  }

  // The row groups that may hold items of a filter:
  // { from, to: Date, rgt, cycle, collection, area: { west, south, east, north } }, all optional.
  candidates(filter) {
    const boxes = filter.area && boxesOf(filter.area);
    return this.groups.filter((group) => {
      const meets = (column, low, high) => {
        const range = statistics(group, column);
        return !range || ((high === undefined || range[0] <= high) && (low === undefined || range[1] >= low));
      };
      if (!meets("start_datetime", undefined, filter.to)) return false;
      if (!meets("end_datetime", filter.from, undefined)) return false;
      if (filter.collection && !meets("collection", filter.collection, filter.collection)) return false;
      if (filter.rgt && !meets("sat:relative_orbit", filter.rgt, filter.rgt)) return false;
      if (filter.cycle && !meets("sat:orbit_cycle", filter.cycle, filter.cycle)) return false;
      return (
        !boxes ||
        boxes.some(
          ([west, south, east, north]) =>
            meets("covering.xmax", west, undefined) &&
            meets("covering.xmin", undefined, east) &&
            meets("covering.ymax", south, undefined) &&
            meets("covering.ymin", undefined, north),
        )
      );
    });
  }

  // Bytes to read for the keys of row groups, and for their footprints.
  keyBytes(groups) {
    return sum(groups, (group) => (group.items ? 0 : this.#bytes(group, this.keys)));
  }

  footprintBytes(groups) {
    return sum(groups, (group) => (group.drawn ? 0 : this.#bytes(group, ["geometry"])));
  }

  // The items in these row groups that pass a filter, but for the exact shape of footprints:
  // an array of { group, items }, given to `each` as they come too.
  async find(groups, filter, each, signal) {
    const boxes = filter.area && boxesOf(filter.area);
    const found = [];
    await allOf(groups, signal, async (group) => {
      group.items ??= await this.#readKeys(group);
      signal.throwIfAborted();
      const items = group.items.filter(
        (item) =>
          (!filter.from || item.end >= filter.from) &&
          (!filter.to || item.start <= filter.to) &&
          (!filter.rgt || item.rgt === filter.rgt) &&
          (!filter.cycle || item.cycle === filter.cycle) &&
          (!filter.collection || item.collection === filter.collection) &&
          (!boxes || boxesMeet(boxes, item.boxes)),
      );
      if (items.length) {
        found.push({ group, items });
        each(found.length, items);
      }
    });
    return found;
  }

  // Reads footprints of row groups, [{ group, items }], and gives `each` those items with the
  // ones of them that do not meet the filter's area.
  async readFootprints(found, filter, each, signal) {
    const boxes = filter.area && boxesOf(filter.area);
    await allOf(found, signal, async ({ group, items }) => {
      if (!group.drawn) {
        const footprints = await this.#readColumn(group, "geometry");
        for (const item of group.items) item.rings = ringsOf(footprints[item.row]);
        group.drawn = true;
        this.#keep(group, found);
      }
      signal.throwIfAborted();
      const outside = boxes ? items.filter((item) => !ringsMeet(item.rings, boxes)) : [];
      each(items, new Set(outside));
    });
  }

  // Lets go of the footprints that were read first.
  #keep(group, found) {
    this.keptRows += group.rows;
    const wanted = new Set(found.map((one) => one.group));
    for (const other of this.groups) {
      if (this.keptRows <= KEPT_ROWS) return;
      if (other.drawn && !wanted.has(other)) {
        for (const item of other.items) item.rings = null;
        other.drawn = null;
        this.keptRows -= other.rows;
      }
    }
  }

  async #readKeys(group) {
    const columns = await this.#read(group, this.keys);
    const box = columns.bbox;
    return Array.from(columns.id, (id, row) => ({
      row,
      id: String(id),
      start: columns.start_datetime[row],
      end: columns.end_datetime[row],
      rgt: Number(columns["sat:relative_orbit"][row]),
      cycle: Number(columns["sat:orbit_cycle"][row]),
      region: Number(columns["icesat2:region"][row]),
      collection: String(columns.collection?.[row] ?? ""),
      bbox: box[row],
      boxes: boxesOf({
        west: box[row].xmin,
        south: box[row].ymin,
        east: box[row].xmax,
        north: box[row].ymax,
      }),
      rings: null,
    }));
  }

  async #readColumn(group, name) {
    return (await this.#read(group, [name]))[name];
  }

  async #read(group, columns) {
    const file = await this.file.loaded(this.#chunks(group, columns).map(rangeOf));
    const values = {};
    await parquetRead({
      file,
      metadata: this.metadata,
      columns,
      rowStart: group.first,
      rowEnd: group.first + group.rows,
      compressors: COMPRESSORS,
      utf8: false,
      geoparquet: false,
      onChunk: ({ columnName, columnData, rowStart }) => {
        values[columnName] ??= new Array(group.rows);
        const at = rowStart - group.first;
        for (let i = 0; i < columnData.length; i++) values[columnName][at + i] = columnData[i];
      },
    });
    return values;
  }

  #chunks(group, columns) {
    return group.chunks.filter((chunk) => columns.includes(topName(chunk)));
  }

  #bytes(group, columns) {
    return sum(this.#chunks(group, columns), (chunk) => Number(chunk.meta_data.total_compressed_size));
  }
}

function topName(chunk) {
  return chunk.meta_data.path_in_schema[0];
}

function rangeOf({ meta_data: data }) {
  const start = Number(data.dictionary_page_offset || data.data_page_offset);
  return [start, start + Number(data.total_compressed_size)];
}

// Smallest and largest value of a column in a row group; null if they are not told.
function statistics(group, column) {
  const chunk = group.chunks.find((one) => one.meta_data.path_in_schema.join(".") === column);
  const { min_value: min, max_value: max } = chunk?.meta_data.statistics ?? {};
  if (min === undefined || max === undefined) return null;
  return typeof min === "bigint" ? [Number(min), Number(max)] : [min, max];
}

// Runs `work` on all, some at a time.
async function allOf(all, signal, work) {
  const left = all[Symbol.iterator]();
  const one = async () => {
    for (const each of left) {
      signal.throwIfAborted();
      await work(each);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

function sum(all, size) {
  return all.reduce((total, one) => total + size(one), 0);
}
