// Reads the keys of an issuer from where they are: a file, or an address, which a discovery document may name.
import { open } from 'node:fs/promises'
import type { GuardedFetch, GuardedReply } from '../../guarded-fetch/guarded-fetch.ts'
import { parseJson } from '../../json/parse-json.ts'
import type { Issuer } from '../file/issuers-form.ts'
import { KeySetFault, parseJwks, type KeySet } from './parse-jwks.ts'

export interface KeysRead {
  keys: KeySet
  /** How long the answer may be kept, by its own words. */
  maxAgeSeconds: number | undefined
}

export type ReadKeys = () => Promise<KeysRead>

const maxFileBytes = 262_144
const timeoutMs = 5_000
const ok = 200

/** @throws KeySetFault, KeyholdError `ERR_ADDRESS_REFUSED` and `ERR_ADDRESS_UNREACHABLE`, or what the system says of a file */
export function createReadKeys(
  {
    keys: source,
    issuer,
    algorithms,
    caFile,
    tokenFile,
  }: Pick<Issuer, 'keys' | 'issuer' | 'algorithms' | 'caFile' | 'tokenFile'>,
  fetch: GuardedFetch,
): ReadKeys {
  async function call(url: string): Promise<GuardedReply> {
    // Both are read each time: whoever issues them exchanges the files.
    const [ca, token] = await Promise.all([readOptional(caFile), readOptional(tokenFile)])
    const reply = await fetch(url, {
      headers: {
        accept: 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${readToken(token)}` }),
      },
      timeoutMs,
      ...(ca !== undefined && { ca: ca.toString('utf8') }),
    })
    if (reply.status !== ok) throw new KeySetFault(`it answers with ${reply.status}`)
    return reply
  }

  return async () => {
    if (source.kind === 'file') {
      return { keys: parseJwks(await readSmall(source.file), algorithms), maxAgeSeconds: undefined }
    }
    const url = source.kind === 'url' ? source.url : keysUrlOf(await call(source.url), issuer)
    const { body, headers } = await call(url)
    return { keys: parseJwks(body, algorithms), maxAgeSeconds: maxAgeOf(headers['cache-control']) }
  }
}

function keysUrlOf({ body }: GuardedReply, issuer: string): string {
  let document: unknown
  try {
    document = parseJson(body)
  } catch {
    throw new KeySetFault('its discovery document is no JSON')
  }
  const isObject = typeof document === 'object' && document !== null
  const { issuer: named, jwks_uri: url } = (isObject ? document : {}) as Record<string, unknown>
  // OpenID Connect Discovery, section 4.3: whoever answers for another issuer is not asked for keys.
  if (named !== issuer) throw new KeySetFault('its discovery document is for another issuer')
  if (typeof url !== 'string') throw new KeySetFault('its discovery document names no keys')
  return url
}

function maxAgeOf(header: string | undefined): number | undefined {
  const [, seconds] = /(?:^|[\s,])max-age="?(\d{1,9})/i.exec(header ?? '') ?? []
  return seconds === undefined ? undefined : Number(seconds)
}

/** A header ends where a line ends. */
function readToken(bytes: Buffer): string {
  const text = bytes.toString('latin1').trim()
  if (!/^[\x21-\x7e]+$/.test(text)) throw new KeySetFault('tokenFile holds no access token')
  return text
}

async function readOptional(file: string | undefined): Promise<Buffer | undefined> {
  return file === undefined ? undefined : readSmall(file)
}

async function readSmall(file: string): Promise<Buffer> {
  const handle = await open(file)
  try {
    const stats = await handle.stat()
    if (!stats.isFile() || stats.size > maxFileBytes)
      throw new KeySetFault('its file is no file, or too large')
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}
