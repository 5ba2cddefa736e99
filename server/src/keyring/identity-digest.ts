// The digest of a verification, and of a deletion: SHA-256 over the members of each cipherkey that no rewrap changes.
// Unlike the one of Node.js its state can be stored, so that the work goes on where another process left it.
import { createSHA256 } from 'hash-wasm'

export interface IdentityDigest {
  /** Adds identities, in the order of the cipherkeys' primary key. */
  add(identities: Buffer): void
  /** The state so far, for `resumeIdentityDigest`: no secrets, about a hundred bytes. */
  state(): Buffer
  /** Ends it; lower-case hex. */
  end(): string
}

export async function createIdentityDigest(): Promise<IdentityDigest> {
  return digestOf((await createSHA256()).init())
}

/** Undefined when this version cannot read the state. Then the digest must begin anew. */
export async function resumeIdentityDigest(state: Buffer): Promise<IdentityDigest | undefined> {
  const hasher = await createSHA256()
  try {
    return digestOf(hasher.load(state))
  } catch {
    return undefined
  }
}

function digestOf(hasher: Awaited<ReturnType<typeof createSHA256>>): IdentityDigest {
  return {
    add(identities) {
      hasher.update(identities)
    },
    state: () => Buffer.from(hasher.save()),
    end: () => hasher.digest('hex'),
  }
}
