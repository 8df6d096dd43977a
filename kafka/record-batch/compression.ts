import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { compressLz4, decompressLz4 } from './lz4-frame.ts'
import { compressSnappy, decompressSnappy } from './xerial-snappy.ts'

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** By the lowest three bits of a batch's attributes. */
const codecs: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export function compressionCode(compression: Compression): number {
  return codecs.indexOf(compression)
}

/** The codec of that number; null when there is none. */
export function compressionOf(code: number): Compression | null {
  return codecs[code] ?? null
}

export function compress(compression: Exclude<Compression, 'none'>, bytes: Buffer): Buffer
export function compress(compression: Compression, bytes: Buffer): Buffer
export function compress(compression: Compression, bytes: Buffer): Buffer {
  switch (compression) {
    case 'none':
      return bytes
    case 'gzip':
      return gzipSync(bytes, { level: 1 })
    case 'snappy':
      return compressSnappy(bytes)
    case 'lz4':
      return compressLz4(bytes)
    case 'zstd':
      return zstdCompressSync(bytes)
  }
}

/**
 * The bytes as they were, in memory of their own. Throws any Error when they are not of the codec or would become more
 * than `bytesMax`; the caller names the place.
 */
export function decompress(compression: Exclude<Compression, 'none'>, bytes: Buffer, bytesMax: number): Buffer {
  switch (compression) {
    case 'gzip':
      return gunzipSync(bytes, { maxOutputLength: bytesMax })
    case 'snappy':
      return decompressSnappy(bytes, bytesMax)
    case 'lz4':
      return decompressLz4(bytes, bytesMax)
    case 'zstd':
      return zstdDecompressSync(bytes, { maxOutputLength: bytesMax })
  }
}
