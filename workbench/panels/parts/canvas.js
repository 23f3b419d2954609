// Paints a CT picture with what lies over it. Works on bytes; knows nothing of widgets.

const SKY = [86, 180, 233];
const ORANGE = [230, 159, 0];
const BLUE = [0, 114, 178];
const LINE = "#f0e442";

/** Copies a Bytes trait into an array of its own: the buffer under it may be shared or unaligned. */
function bytesOf(model, name, Kind = Uint8Array) {
  const view = model.get(name);
  if (!view || !view.byteLength) return null;
  return new Kind(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

/** Picture number `at` of a stack, or null where the stack is shorter. */
function pictureOf(stack, at, pixels) {
  if (!stack || stack.length < (at + 1) * pixels) return null;
  return stack.subarray(at * pixels, (at + 1) * pixels);
}

/** Grey values 0..255 through a window given in the same units. */
function windowTable(low, high) {
  const table = new Uint8ClampedArray(256);
  const span = Math.max(high - low, 1e-6);
  for (let grey = 0; grey < 256; grey += 1) table[grey] = (255 * (grey - low)) / span;
  return table;
}

/** Mixes colours over grey: a mask (how sure, 0..255) or a signed map (-127..127). */
function tint(pixels, at, colour, share) {
  for (let channel = 0; channel < 3; channel += 1) {
    pixels[at + channel] += share * (colour[channel] - pixels[at + channel]);
  }
}

/** Draws `grey` (rows x columns bytes) into the whole of `canvas`, square pixels kept crisp. */
function paint(canvas, { grey, rows, columns, table, mask, signed, opacity = 0.5, outline, part }) {
  if (!canvas.clientWidth) return; // hidden: what was painted stays, and showing paints anew
  const scale = window.devicePixelRatio || 1;
  const wide = Math.round(canvas.clientWidth * scale);
  const high = Math.round(canvas.clientHeight * scale);
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.save();
  if (part) {
    context.beginPath();
    context.rect(part[0] * wide, 0, (part[1] - part[0]) * wide, high);
    context.clip();
  }
  context.fillStyle = "#000000";
  context.fillRect(0, 0, wide, high);
  if (grey && grey.length === rows * columns) {
    context.drawImage(picture(grey, rows, columns, table, mask, signed, opacity), 0, 0, wide, high);
    if (outline) stroke(context, outline, rows, columns, wide, high, scale);
  }
  context.restore();
}

function picture(grey, rows, columns, table, mask, signed, opacity) {
  const sheet = new OffscreenCanvas(columns, rows);
  const context = sheet.getContext("2d");
  const image = context.createImageData(columns, rows);
  const pixels = image.data;
  for (let at = 0; at < grey.length; at += 1) {
    const value = table[grey[at]];
    pixels.set([value, value, value, 255], at * 4);
    if (mask && mask[at]) tint(pixels, at * 4, SKY, (opacity * mask[at]) / 255);
    if (signed && signed[at]) {
      tint(pixels, at * 4, signed[at] > 0 ? ORANGE : BLUE, (opacity * Math.abs(signed[at])) / 127);
    }
  }
  context.putImageData(image, 0, 0);
  return sheet;
}

/** The border of a mask as a line between pixels, with a dark edge so that it shows on white too. */
function stroke(context, outline, rows, columns, wide, high, scale) {
  const path = new Path2D();
  const x = (column) => (column * wide) / columns;
  const y = (row) => (row * high) / rows;
  const inside = (row, column) =>
    row >= 0 && column >= 0 && row < rows && column < columns && outline[row * columns + column] > 127;
  for (let row = 0; row <= rows; row += 1) {
    for (let column = 0; column <= columns; column += 1) {
      if (inside(row, column) !== inside(row - 1, column)) {
        path.moveTo(x(column), y(row));
        path.lineTo(x(column + 1), y(row));
      }
      if (inside(row, column) !== inside(row, column - 1)) {
        path.moveTo(x(column), y(row));
        path.lineTo(x(column), y(row + 1));
      }
    }
  }
  context.lineCap = "square";
  context.strokeStyle = "rgba(0, 0, 0, 0.55)";
  context.lineWidth = 3 * scale;
  context.stroke(path);
  context.strokeStyle = LINE;
  context.lineWidth = 1.4 * scale;
  context.stroke(path);
}
