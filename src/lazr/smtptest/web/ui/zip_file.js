/** A zip file without compression, so that mails can be saved together and byte for byte. */

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
/** 1980-01-01, the earliest date that the format knows: the time of a file says nothing about its mail. */
const DATE = 0x21;
const VERSION = 20;
const UTF8_NAMES = 0x0800;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** @param {Uint8Array} content */
function crc32(content) {
  let value = -1;
  for (const octet of content) value = CRC_TABLE[(value ^ octet) & 255] ^ (value >>> 8);
  return (value ^ -1) >>> 0;
}

/**
 * Return the parts of a zip file, for a `Blob`.
 *
 * @param {{name: string, content: Uint8Array}[]} files At most 65,535, below 4 GB together.
 * @returns {BlobPart[]}
 */
export function buildZip(files) {
  /** @type {BlobPart[]} */
  const parts = [];
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const directory = [];
  let offset = 0;
  for (const { name, content } of files) {
    const encoded = new TextEncoder().encode(name);
    /** @type {[size: 2 | 4, value: number][]} */
    const facts = [
      [2, VERSION],
      [2, UTF8_NAMES],
      [2, 0], // stored as it is
      [2, 0],
      [2, DATE],
      [4, crc32(content)],
      [4, content.length],
      [4, content.length],
      [2, encoded.length],
      [2, 0],
    ];
    const local = pack([[4, LOCAL_HEADER], ...facts], encoded);
    parts.push(local, /** @type {Uint8Array<ArrayBuffer>} */ (content));
    directory.push(pack([[4, CENTRAL_HEADER], [2, VERSION], ...facts, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]], encoded));
    offset += local.length + content.length;
  }
  const size = directory.reduce((sum, entry) => sum + entry.length, 0);
  const end = pack([[4, END_OF_DIRECTORY], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset], [2, 0]]);
  return [...parts, ...directory, end];
}

/**
 * Return numbers in little-endian order, and bytes after them.
 *
 * @param {[size: 2 | 4, value: number][]} numbers
 * @param {Uint8Array} [tail]
 */
function pack(numbers, tail = new Uint8Array()) {
  const length = numbers.reduce((sum, [size]) => sum + size, 0);
  const packed = new Uint8Array(length + tail.length);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const [size, value] of numbers) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  packed.set(tail, length);
  return packed;
}
