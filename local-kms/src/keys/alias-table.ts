// The aliases in memory and in their folder. A change is on disk before anyone can see it.
import type { Alias } from './key-record.ts'
import type { StateFolder } from './state-folder.ts'

export interface AliasTable {
  findAlias(account: string, region: string, name: string): Alias | undefined
  listAliases(account: string, region: string): Alias[]
  putAlias(alias: Alias): void
  deleteAlias(alias: Alias): void
}

/** @param hasKey - whether the alias's key still exists: an alias ends with its key */
export function createAliasTable(
  folder: StateFolder | undefined,
  hasKey: (alias: Alias) => boolean,
): AliasTable {
  let aliases: ReadonlyMap<string, Alias> = new Map(
    (folder?.readAliases() ?? []).map((alias) => [nameOf(alias), alias]),
  )

  function replaceAll(changed: ReadonlyMap<string, Alias>): void {
    folder?.writeAliases([...changed.values()])
    aliases = changed
  }

  return {
    findAlias(account, region, name) {
      const alias = aliases.get(nameOf({ account, region, name }))
      return alias !== undefined && hasKey(alias) ? alias : undefined
    },
    listAliases(account, region) {
      return [...aliases.values()].filter(
        (alias) => alias.account === account && alias.region === region && hasKey(alias),
      )
    },
    putAlias(alias) {
      replaceAll(new Map(aliases).set(nameOf(alias), alias))
    },
    deleteAlias(alias) {
      const remaining = new Map(aliases)
      remaining.delete(nameOf(alias))
      replaceAll(remaining)
    },
  }
}

function nameOf({ account, region, name }: Pick<Alias, 'account' | 'region' | 'name'>): string {
  return `${account}/${region}/${name}`
}
