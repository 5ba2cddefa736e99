// The fingerprint names a registered key on the wire. It is a name, not a security decision.
import { createHash } from 'node:crypto'

/** 32 lower-case hex characters: SHA-256 of the UTF-8 key ARN, cut to 128 bits. */
export function keyArnFingerprint(keyArn: string): string {
  return createHash('sha256').update(keyArn, 'utf8').digest('hex').slice(0, 32)
}
