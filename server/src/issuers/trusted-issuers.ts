// The issuers that are trusted now, each with its keys. Whoever changes a mapping loses no keys: those of an issuer stay while nothing
// changes of where they come from.
import type { GuardedFetch } from '../guarded-fetch/guarded-fetch.ts'
import type { CertificateMapping, Issuer, IssuersFile } from './file/issuers-form.ts'
import { createIssuerKeys, type IssuerKeys, type Later } from './keys/issuer-keys.ts'
import { createReadKeys } from './keys/read-keys.ts'
import type { TrustedIssuer } from './tokens/verify-jwt.ts'
import { watchFolders, type FolderWatch } from '../tls/watch-folders.ts'

export interface TrustedIssuers {
  readonly issuers: readonly TrustedIssuer[]
  readonly certificates: readonly CertificateMapping[]
  /** Trusts these, and nobody else. Their keys are read in the background. */
  use(file: IssuersFile): void
  /** By the name of the issuer. Undefined: its keys were never read. */
  keyAgesMs(): ReadonlyMap<string, number>
  close(): void
}

export interface TrustedIssuersOptions {
  fetch: GuardedFetch
  /** Monotonic, in milliseconds. */
  clock: () => number
  later: Later
  /** The keys of an issuer cannot be read any more, or can be read again. */
  onKeys: (name: string, error: unknown) => void
}

interface Kept {
  keys: IssuerKeys
  watch: FolderWatch | undefined
  /** Since when the issuer is trusted. */
  sinceMs: number
}

export function createTrustedIssuers({ fetch, clock, later, onKeys }: TrustedIssuersOptions): TrustedIssuers {
  let kept = new Map<string, Kept>()
  let issuers: readonly (TrustedIssuer & { ageMs: () => number })[] = []
  let certificates: readonly CertificateMapping[] = []

  function open(issuer: Issuer): Kept {
    const { name, keys: source } = issuer
    const keys = createIssuerKeys({
      ...{ name, clock, later },
      read: createReadKeys(issuer, fetch),
      onChanged: (error) => {
        onKeys(name, error)
      },
    })
    const look = () => keys.refresh()
    void look()
    const watch = source.kind === 'file' ? watchFolders([source.file], look) : undefined
    return { keys, watch, sinceMs: clock() }
  }

  function end({ keys, watch }: Kept): void {
    keys.close()
    watch?.close()
  }

  return {
    get issuers() {
      return issuers
    },
    get certificates() {
      return certificates
    },
    use(file) {
      const now = new Map<string, Kept>()
      issuers = file.issuers.map((issuer) => {
        const id = identityOf(issuer)
        const of = kept.get(id) ?? open(issuer)
        now.set(id, of)
        const { keys, sinceMs } = of
        return { ...issuer, findKey: keys.find.bind(keys), ageMs: () => keys.ageMs() ?? clock() - sinceMs }
      })
      for (const [id, one] of kept) if (!now.has(id)) end(one)
      kept = now
      ;({ certificates } = file)
    },
    keyAgesMs: () => new Map(issuers.map(({ name, ageMs }) => [name, ageMs()])),
    close() {
      for (const one of kept.values()) end(one)
    },
  }
}

/** All that decides which keys an issuer has. */
function identityOf({ name, issuer, algorithms, keys, caFile, tokenFile }: Issuer): string {
  return JSON.stringify([name, issuer, algorithms, keys, caFile, tokenFile])
}
