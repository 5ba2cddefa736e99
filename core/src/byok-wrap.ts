// The stored form of a tenant key that a customer's KMS wrapped: "#BYOKv1#:<fingerprint>:<base64 CiphertextBlob>".
import { KeyholdError } from './errors.ts'
import { parseBase64 } from './strict-base64.ts'

const form = /^#BYOKv1#:([0-9a-f]{32}):([A-Za-z0-9+/]{1,8192}={0,2})$/

/** The part before the wrapped bytes, which names the key ARN's fingerprint. */
export function byokPrefix(fingerprint: string): string {
  return `#BYOKv1#:${fingerprint}`
}

/** @throws TypeError for a wrap that `parseByokWrap` would refuse: its key would be lost */
export function encodeByokWrap(fingerprint: string, ciphertextBlob: Uint8Array): string {
  const text = `${byokPrefix(fingerprint)}:${Buffer.from(ciphertextBlob).toString('base64')}`
  if (!form.test(text))
    throw new TypeError(
      'expected a "fingerprint" of 32 hex characters and a "ciphertextBlob" of 1 to 6144 bytes',
    )
  return text
}

/** @throws KeyholdError `ERR_KEY_INTEGRITY` for any text that `encodeByokWrap` does not make */
export function parseByokWrap(text: string): { fingerprint: string; ciphertextBlob: Buffer } {
  const [, fingerprint, base64] = form.exec(text) ?? []
  const ciphertextBlob = base64 === undefined ? undefined : parseBase64(base64)
  if (fingerprint === undefined || ciphertextBlob === undefined) throw new KeyholdError('ERR_KEY_INTEGRITY')
  return { fingerprint, ciphertextBlob }
}
