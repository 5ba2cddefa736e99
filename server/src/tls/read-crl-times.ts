// From when to when a certificate revocation list holds. Node hands lists to OpenSSL, and tells nothing about them.

const sequence = 0x30
const integer = 0x02
const utcTime = 0x17
const generalizedTime = 0x18

interface Element {
  tag: number
  content: Buffer
  rest: Buffer
}

export interface CrlTimes {
  thisUpdate: Date
  /** Undefined: the list does not say. */
  nextUpdate: Date | undefined
}

/**
 * Reads the times of a list in PEM (RFC 5280 section 5.1).
 *
 * @returns undefined if this is no list
 */
export function readCrlTimes(pem: string): CrlTimes | undefined {
  const list = readElement(Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64'))
  const signed = list?.tag === sequence ? readElement(list.content) : undefined
  if (signed?.tag !== sequence) return undefined
  let next = readElement(signed.content)
  if (next?.tag === integer) next = readElement(next.rest)
  // The algorithm, and the name of the issuer.
  for (let skipped = 0; skipped < 2; skipped++) {
    if (next?.tag !== sequence) return undefined
    next = readElement(next.rest)
  }
  const thisUpdate = next && readTime(next)
  if (next === undefined || thisUpdate === undefined) return undefined
  const after = readElement(next.rest)
  return { thisUpdate, nextUpdate: after && readTime(after) }
}

function readElement(bytes: Buffer): Element | undefined {
  const [tag, first] = bytes
  if (tag === undefined || first === undefined) return undefined
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  if (lengthBytes > 4 || bytes.length < 2 + lengthBytes) return undefined
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes)
  const start = 2 + lengthBytes
  if (bytes.length < start + length) return undefined
  return { tag, content: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) }
}

function readTime({ tag, content }: Element): Date | undefined {
  const text = content.toString('latin1')
  const isShort = tag === utcTime
  if (!isShort && tag !== generalizedTime) return undefined
  const form = isShort
    ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
    : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
  const [, year = '', month, day, hour, minute, second] = form.exec(text) ?? []
  if (year === '') return undefined
  // RFC 5280 section 4.1.2.5.1: two digits from 50 on are of the last century.
  const full = isShort ? `${Number(year) < 50 ? '20' : '19'}${year}` : year
  const date = new Date(`${full}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(date.getTime()) ? undefined : date
}
