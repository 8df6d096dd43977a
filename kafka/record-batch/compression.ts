import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { compressLz4, decompressLz4 } from './lz4-frame.ts'
import { compressSnappy, decompressSnappy } from './xerial-snappy.ts'

export type Compression = 'none' | Codec
export type Codec = 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** By the lowest three bits of a batch's attributes. */
const names: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

const compressors: Readonly<Record<Codec, (bytes: Buffer) => Buffer>> = {
  // Level 1 as batches are compressed on the hot path; the ratio gained above it is a tenth of what it costs.
  gzip: bytes => gzipSync(bytes, { level: 1 }),
  snappy: compressSnappy,
  lz4: compressLz4,
  zstd: bytes => zstdCompressSync(bytes)
}

const decompressors: Readonly<Record<Codec, (bytes: Buffer, bytesMax: number) => Buffer>> = {
  gzip: (bytes, bytesMax) => gunzipSync(bytes, { maxOutputLength: bytesMax }),
  snappy: decompressSnappy,
  lz4: decompressLz4,
  zstd: (bytes, bytesMax) => zstdDecompressSync(bytes, { maxOutputLength: bytesMax })
}

export function compressionCode(compression: Compression): number {
  return names.indexOf(compression)
}

/** The compression of that number; null when there is none. */
export function compressionOf(code: number): Compression | null {
  return names[code] ?? null
}

export function compress(codec: Codec, bytes: Buffer): Buffer {
  return compressors[codec](bytes)
}

/**
 * The bytes as they were, in memory of their own. Throws any Error when they are not of the codec or would become more
 * than `bytesMax`; the caller names the place.
 */
export function decompress(codec: Codec, bytes: Buffer, bytesMax: number): Buffer {
  return decompressors[codec](bytes, bytesMax)
}
