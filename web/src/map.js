// A map on a canvas: land, a graticule, ground tracks and footprints, in one of three views.

import { VIEWS, areaOf, projected } from "./projections.js";
import { groundTrack } from "./orbit.js";
import { ringHolds } from "./geometry.js";

// Items of one path, and milliseconds of drawing before the browser may do something else.
const BATCH = 250;
const FRAME = 25;
const MOST_ZOOM = 200;
const NEAR = 5; // CSS pixels within which a track is picked

export class TrackMap {
  // `land` are rings, [lon, lat, ...]; `on` has picked(items) and area(area).
  constructor(canvas, land, on) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.land = land;
    this.on = on;
    this.items = [];
    this.chosen = null;
    this.area = null;
    this.picksArea = false;
    this.pointers = new Map();
    this.lines = new Map(); // projected lines by item
    this.drawing = 0;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#up(event));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.show("world");
  }

  // Changes the view: "world", "north" or "south".
  show(name) {
    this.view = VIEWS[name];
    this.lines.clear();
    this.landLines = this.land.map((ring) => this.#landLine(ring));
    this.grid = graticule().map((line) => projected(this.view, line));
    this.home();
  }

  // All of the view.
  home() {
    const [left, top, right, bottom] = this.view.extent;
    this.centre = [(left + right) / 2, (top + bottom) / 2];
    this.zoom = 1;
    this.redraw();
  }

  set(items) {
    this.items = items;
    this.lines.clear();
    this.redraw();
  }

  // Draws items anew whose footprints have come.
  refresh(items) {
    for (const item of items) this.lines.delete(item);
    if (this.busy) this.isStale = true; // footprints that come fast would never let a drawing end
    else this.redraw();
  }

  // Highlights an item; null for none.
  choose(item) {
    this.chosen = item;
    this.redraw();
  }

  setArea(area) {
    this.area = area;
    this.redraw();
  }

  // Zooms about the middle, or a point in CSS pixels.
  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor));
    const [px, py] = this.#toPlane(x, y);
    this.zoom = zoom;
    const scale = this.#scale();
    this.centre = [px - (x - this.width / 2) / scale, py - (y - this.height / 2) / scale];
    this.redraw();
  }

  // Shows an area and some of what is around it, where the view has it.
  fit(area) {
    const line = projected(this.view, outlines(area)[0]);
    const [left, top, right, bottom] = this.view.extent;
    const xs = line.filter((_, i) => i % 2 === 0);
    const ys = line.filter((_, i) => i % 2 === 1);
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
    if (x < left || x > right + 360 || y < top || y > bottom) return;
    const share = Math.max((x1 - x0) / (right - left), (y1 - y0) / (bottom - top));
    this.zoom = Math.min(40, Math.max(1, 0.3 / Math.max(share, 1e-6)));
    this.centre = [x, y];
    this.redraw();
  }

  // The area that is in sight.
  visibleArea() {
    return areaOf(this.view, [...this.#toPlane(0, 0), ...this.#toPlane(this.width, this.height)]);
  }

  redraw() {
    this.drawing += 1;
    this.busy = true;
    const number = this.drawing;
    requestAnimationFrame(() => number === this.drawing && this.#draw(number));
  }

  #landLine(ring) {
    // What lies far beyond the edge of a polar view would be smeared over it.
    let [south, north] = [90, -90];
    for (let i = 1; i < ring.length; i += 2) {
      south = Math.min(south, ring[i]);
      north = Math.max(north, ring[i]);
    }
    const far = !this.view.shows(south, north) || (this.view !== VIEWS.world && isFar(this.view, south, north));
    return far ? null : projected(this.view, ring);
  }

  #resize() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.redraw();
  }

  #scale() {
    const [left, top, right, bottom] = this.view.extent;
    return this.zoom * Math.min(this.width / (right - left), this.height / (bottom - top));
  }

  #toPlane(x, y) {
    const scale = this.#scale();
    return [
      this.centre[0] + (x - this.width / 2) / scale,
      this.centre[1] + (y - this.height / 2) / scale,
    ];
  }

  #draw(number) {
    const { context, canvas } = this;
    this.isStale = false;
    if (!this.width) {
      this.busy = false;
      return;
    }
    const colours = coloursOf(canvas);
    const ratio = canvas.width / this.width;
    const scale = this.#scale();
    const [offX, offY] = [this.width / 2 - this.centre[0] * scale, this.height / 2 - this.centre[1] * scale];
    const transform = (copy) =>
      context.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * (offX + copy * scale), ratio * offY);
    context.reset(); // also the clip and the dashes of a drawing that was broken off
    context.fillStyle = this.view === VIEWS.world ? colours.sea : colours.back;
    context.fillRect(0, 0, canvas.width, canvas.height);
    const [left, , right] = this.view.extent;
    // `beyond`: how far what is drawn reaches over the edges, where it is not cut at ±180.
    const seen = (beyond) => (copy) =>
      (right + beyond + copy) * scale + offX > 0 && (left - beyond + copy) * scale + offX < this.width;
    const wide = this.view.copies.filter(seen(180));
    const copies = this.view.copies.filter(seen(0));
    if (this.view !== VIEWS.world) {
      transform(0);
      context.beginPath();
      context.arc(0, 0, 1, 0, 2 * Math.PI);
      context.fillStyle = colours.sea;
      context.fill();
      context.clip();
    }
    for (const copy of wide) {
      transform(copy);
      context.beginPath();
      for (const line of this.landLines) if (line) trace(context, line, true);
      context.fillStyle = colours.land;
      context.fill();
      context.beginPath();
      for (const line of this.grid) trace(context, line, false);
      context.lineWidth = 1 / scale;
      context.strokeStyle = colours.grid;
      context.stroke();
    }
    // Many tracks over each other still show where there are more of them.
    const alpha = Math.min(0.9, Math.max(0.1, 1500 / this.items.length));
    let next = 0;
    const step = () => {
      if (number !== this.drawing) return;
      const until = performance.now() + FRAME;
      do {
        this.#drawItems(this.items.slice(next, next + BATCH), { alpha, copies, wide, transform, scale, colours });
        next += BATCH;
      } while (next < this.items.length && performance.now() < until);
      if (next < this.items.length) {
        requestAnimationFrame(step);
        return;
      }
      this.#drawMarks(wide, transform, scale, colours);
      canvas.dataset.drawn = String(this.items.filter((item) => this.lines.get(item)?.length).length);
      this.busy = false;
      if (this.isStale) this.redraw();
    };
    step();
  }

  // Footprints, and dashed the tracks of items whose footprints were not read.
  #drawItems(items, { alpha, copies, wide, transform, scale, colours }) {
    const { context } = this;
    context.strokeStyle = colours.track;
    context.globalAlpha = alpha;
    context.lineWidth = (alpha > 0.5 ? 1.2 : 0.7) / scale;
    for (const exact of [false, true]) {
      const some = items.filter((item) => Boolean(item.rings) === exact);
      if (!some.length) continue;
      context.setLineDash(exact ? [] : [4 / scale, 2 / scale]);
      for (const copy of exact ? copies : wide) {
        transform(copy);
        context.beginPath();
        for (const item of some) this.#trace(item);
        context.stroke();
      }
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
  }

  // The area, the chosen item, and the rectangle that is being drawn.
  #drawMarks(copies, transform, scale, colours) {
    const { context } = this;
    for (const copy of copies) {
      transform(copy);
      if (this.area) {
        context.beginPath();
        for (const line of outlines(this.area)) trace(context, projected(this.view, line), true);
        context.lineWidth = 2 / scale;
        context.strokeStyle = colours.area;
        context.stroke();
      }
      if (this.chosen) {
        context.beginPath();
        this.#trace(this.chosen);
        context.lineWidth = 3 / scale;
        context.strokeStyle = colours.chosen;
        context.stroke();
      }
    }
    if (this.dragged) {
      const [left, top, right, bottom] = this.dragged;
      transform(0);
      context.lineWidth = 2 / scale;
      context.strokeStyle = colours.area;
      context.strokeRect(left, top, right - left, bottom - top);
    }
  }

  #trace(item) {
    const lines = this.#linesOf(item);
    for (const line of lines) trace(this.context, line, item.rings !== null);
  }

  #linesOf(item) {
    let lines = this.lines.get(item);
    if (!lines) {
      lines = [];
      if (this.view.shows(item.bbox.ymin, item.bbox.ymax)) {
        const track = item.rings ? null : groundTrack(item.region, item.bbox);
        const shapes = item.rings ?? (track ? [track] : []);
        lines = shapes.map((shape) => projected(this.view, shape));
      }
      this.lines.set(item, lines);
    }
    return lines;
  }

  #down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    if (this.pointers.size === 1) {
      this.pressed = [event.offsetX, event.offsetY];
      this.isClick = true;
    }
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.offsetX, event.offsetY];
    if (Math.hypot(now[0] - this.pressed[0], now[1] - this.pressed[1]) > 4) this.isClick = false;
    if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const grown = distance(now, other) / Math.max(1, distance(before, other));
      this.zoomBy(grown, (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else if (this.picksArea) {
      this.dragged = sorted([...this.#toPlane(...this.pressed), ...this.#toPlane(...now)]);
      this.redraw();
    } else if (!this.isClick) {
      const scale = this.#scale();
      this.#pan((before[0] - now[0]) / scale, (before[1] - now[1]) / scale);
    }
    this.pointers.set(event.pointerId, now);
  }

  #up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.dragged) {
      const area = areaOf(this.view, this.dragged);
      this.dragged = null;
      this.picksArea = false;
      this.redraw();
      if (area) this.on.area(area);
    } else if (this.isClick && !this.picksArea && event.type === "pointerup") {
      this.on.picked(this.#at(event.offsetX, event.offsetY));
    }
  }

  #pan(x, y) {
    const [left, top, right, bottom] = this.view.extent;
    let across = this.centre[0] + x;
    if (this.view === VIEWS.world) across = ((((across + 180) % 360) + 360) % 360) - 180;
    else across = Math.min(right, Math.max(left, across));
    this.centre = [across, Math.min(bottom, Math.max(top, this.centre[1] + y))];
    this.redraw();
  }

  // The items at a point in CSS pixels: inside a footprint, or near a track.
  #at(x, y) {
    const scale = this.#scale();
    const [px, py] = this.#toPlane(x, y);
    return this.items.filter((item) =>
      this.#linesOf(item).some((line) =>
        this.view.copies.some(
          (copy) =>
            (item.rings && ringHolds(line, px - copy, py)) || isNear(line, px - copy, py, NEAR / scale),
        ),
      ),
    );
  }

  #key(event) {
    const step = 60 / this.#scale();
    const action = {
      ArrowLeft: () => this.#pan(-step, 0),
      ArrowRight: () => this.#pan(step, 0),
      ArrowUp: () => this.#pan(0, -step),
      ArrowDown: () => this.#pan(0, step),
      "+": () => this.zoomBy(1.5),
      "=": () => this.zoomBy(1.5),
      "-": () => this.zoomBy(1 / 1.5),
      0: () => this.home(),
    }[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  }

  // The wheel scrolls the page until the map has the focus, or with the control key.
  #wheel(event) {
    if (!event.ctrlKey && document.activeElement !== this.canvas) return;
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
  }
}

function trace(context, line, closed) {
  context.moveTo(line[0], line[1]);
  for (let i = 2; i < line.length; i += 2) context.lineTo(line[i], line[i + 1]);
  if (closed) context.closePath();
}

function isNear(line, x, y, near) {
  for (let i = 0; i + 3 < line.length; i += 2) {
    const [dx, dy] = [line[i + 2] - line[i], line[i + 3] - line[i + 1]];
    const length = dx * dx + dy * dy;
    const along = length ? ((x - line[i]) * dx + (y - line[i + 1]) * dy) / length : 0;
    const t = Math.max(0, Math.min(1, along));
    if (Math.hypot(line[i] + t * dx - x, line[i + 1] + t * dy - y) < near) return true;
  }
  return false;
}

function isFar(view, south, north) {
  return view === VIEWS.north ? north < 20 : south > -20;
}

// Outlines of an area, with points every degree, since parallels are curved in polar views.
function outlines({ west, south, east, north }) {
  const width = west <= east ? east - west : east + 360 - west;
  const steps = Math.max(2, Math.ceil(width));
  const lon = (i) => west + (width * i) / steps;
  const line = [];
  for (let i = 0; i <= steps; i++) line.push(lon(i), south);
  for (let i = steps; i >= 0; i--) line.push(lon(i), north);
  return [line];
}

function graticule() {
  const lines = [];
  for (let lon = -180; lon < 180; lon += 30) {
    const line = [];
    for (let lat = -90; lat <= 90; lat += 5) line.push(lon, lat);
    lines.push(line);
  }
  for (const lat of [-80, -60, -30, 0, 30, 60, 80]) {
    const line = [];
    for (let lon = -180; lon <= 180; lon += 2) line.push(lon, lat);
    lines.push(line);
  }
  return lines;
}

function coloursOf(element) {
  const style = getComputedStyle(element);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(
    ["back", "sea", "land", "grid", "track", "chosen", "area"].map((name) => [name, colour(name)]),
  );
}

function sorted([x0, y0, x1, y1]) {
  return [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)];
}

function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
