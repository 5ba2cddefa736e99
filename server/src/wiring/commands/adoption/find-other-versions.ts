// Replicas that are not of this version. They write rows without MACs, so that nothing can be adopted while they run.
import { keyholdVersion, versionInName } from '../../../driver/application-name.ts'
import type { Store } from '../../../store/store.ts'
import { shown } from '../../../driver/shown-text.ts'

/** Answers a line for each. Whoever can write to the database can fake one, which delays the adoption. */
export async function findOtherVersions(
  { replicas }: Pick<Store, 'replicas'>,
  goneMs: number,
): Promise<string[]> {
  const names = await replicas.listConnectionNames()
  const connected = names
    .map((name) => ({ name, version: versionInName(name) }))
    .filter(({ version }) => version !== undefined && version !== keyholdVersion)
    .map(({ name, version }) => `connection "${shown(name)}" of ${versionWords(version)}`)
  const alive = (await replicas.listLive(goneMs))
    .filter(({ facts }) => facts?.version !== keyholdVersion)
    .map(({ id, facts }) => `replica ${shown(facts?.host ?? id)} of ${versionWords(facts?.version)}`)
  return [...connected, ...alive]
}

function versionWords(version: string | undefined): string {
  return version === undefined || version === '' ? 'a version before MACs' : `version ${shown(version)}`
}
