// All keys and aliases of all accounts and Regions. A change is on disk before it is visible to anyone.
import {
  type Alias,
  type Key,
  keyIn,
  type KeyRecord,
  type RegionalKey,
  withRegion,
  expire,
} from './key-record.ts'
import type { StateFolder } from './state-folder.ts'

export class KeyStore {
  readonly #records = new Map<string, KeyRecord>()
  readonly #aliases = new Map<string, Alias>()
  readonly #folder: StateFolder | undefined
  readonly #now: () => number

  constructor(folder: StateFolder | undefined, now: () => number) {
    this.#folder = folder
    this.#now = now
    for (const record of folder?.readKeys() ?? [])
      this.#records.set(nameOf(record.account, record.keyId), record)
    for (const alias of folder?.readAliases() ?? []) this.#aliases.set(aliasKey(alias), alias)
  }

  now(): number {
    return this.#now()
  }

  find(account: string, keyId: string, region: string): Key | undefined {
    const record = this.#current(nameOf(account, keyId))
    return record === undefined ? undefined : keyIn(record, region)
  }

  keysIn(account: string, region: string): Key[] {
    return [...this.#records.keys()].flatMap((name) => {
      const record = this.#current(name)
      const key = record?.account === account ? keyIn(record, region) : undefined
      return key === undefined ? [] : [key]
    })
  }

  put(record: KeyRecord): void {
    this.#folder?.writeKey(record)
    this.#records.set(nameOf(record.account, record.keyId), record)
  }

  /** @returns the key as it now is. */
  change(key: Key, local: Partial<RegionalKey>): Key {
    const changed = { ...key.local, ...local }
    const record = withRegion(key.record, key.region, changed)
    this.put(record)
    return { ...key, record, local: changed }
  }

  findAlias(account: string, region: string, name: string): Alias | undefined {
    const alias = this.#aliases.get(aliasKey({ account, region, name }))
    // An alias goes with its key.
    return alias !== undefined && this.find(account, alias.keyId, region) !== undefined ? alias : undefined
  }

  aliasesIn(account: string, region: string): Alias[] {
    return [...this.#aliases.values()].filter(
      (alias) =>
        alias.account === account &&
        alias.region === region &&
        this.find(account, alias.keyId, region) !== undefined,
    )
  }

  putAlias(alias: Alias): void {
    this.#saveAliases(new Map(this.#aliases).set(aliasKey(alias), alias))
  }

  deleteAlias(alias: Alias): void {
    const remaining = new Map(this.#aliases)
    remaining.delete(aliasKey(alias))
    this.#saveAliases(remaining)
  }

  #saveAliases(aliases: ReadonlyMap<string, Alias>): void {
    this.#folder?.writeAliases([...aliases.values()])
    this.#aliases.clear()
    for (const [name, alias] of aliases) this.#aliases.set(name, alias)
  }

  // Deletion has no timer: whoever looks after the date finds the key gone, and so does the next start.
  #current(name: string): KeyRecord | undefined {
    const record = this.#records.get(name)
    if (record === undefined) return undefined
    const current = expire(record, this.#now())
    if (current === record) return record
    if (Object.keys(current.regions).length > 0) {
      this.put(current)
      return current
    }
    this.#folder?.deleteKey(record)
    this.#records.delete(name)
    return undefined
  }
}

function nameOf(account: string, keyId: string): string {
  return `${account}/${keyId}`
}

function aliasKey({ account, region, name }: Pick<Alias, 'account' | 'region' | 'name'>): string {
  return `${account}/${region}/${name}`
}
