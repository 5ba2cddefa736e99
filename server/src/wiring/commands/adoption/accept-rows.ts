// The command `doctor --integrity --accept`: an operator looks at one row whose MAC fails, and has it signed as it is.
import { KeyholdError } from '@keyhold/core'
import { acceptRow } from '../../../store/authentic/accept-row.ts'
import { canBeSigned, type SteeringRow } from '../../../store/authentic/steering-rows.ts'
import { steeringKinds, type SteeringKind } from '../../../store/authentic/steering-kinds.ts'
import type { Store } from '../../../store/store.ts'
import { shown } from '../../../driver/shown-text.ts'
import type { AdoptOptions } from './adopt-integrity.ts'
import { withCommandStore } from './open-command-store.ts'
import { fullRowFacts } from './steering-row-line.ts'
import type { CommandSettings } from '../command-settings.ts'

/**
 * Answers whether it was accepted; false: the operator has said no.
 *
 * @param table - without its schema
 * @param key - the values of its primary key, separated by "/"
 * @throws KeyholdError `ERR_CONFIG_INVALID`, `ERR_ADOPTION_BLOCKED`, `ERR_SEALED`, `ERR_ROOT_KEY_INVALID`
 */
export async function acceptRows(
  settings: CommandSettings,
  table: string,
  key: string,
  { tell, say, confirm }: Pick<AdoptOptions, 'tell' | 'say' | 'confirm'>,
): Promise<boolean> {
  const kinds = kindsOf(table, key)
  return withCommandStore(settings, async ({ store, rootKey }) => {
    if (!rootKey.requiresMacs) {
      throw new KeyholdError('ERR_ADOPTION_BLOCKED', {
        message:
          'The root key file does not require MACs yet, and no row is refused: run "keyhold-server integrity adopt".',
      })
    }
    const faulty = await findFaulty(store, kinds, key)
    for (const row of faulty) tell(fullRowFacts(row))
    if (!(await confirm('Is this row as it should be? Then it is signed as it is.'))) return false
    for (const row of faulty) {
      if (await acceptRow(store, row)) continue
      throw new KeyholdError('ERR_ADOPTION_BLOCKED', {
        message: 'The row has changed since it was shown: look at it again.',
      })
    }
    say('The row is accepted, and that is recorded in the audit trail.')
    return true
  })
}

function kindsOf(table: string, key: string): SteeringKind[] {
  const kinds = (Object.keys(steeringKinds) as SteeringKind[]).filter(
    (kind) => steeringKinds[kind].table === table,
  )
  const [first] = kinds
  const names = [...new Set(Object.values(steeringKinds).map((kind) => kind.table))].sort()
  if (first === undefined) {
    throw new KeyholdError('ERR_CONFIG_INVALID', {
      message: `There is no table "${shown(table)}" with rows that are accepted: it is one of ${names.join(', ')}.`,
    })
  }
  const columns = steeringKinds[first].key
  if (key.split('/').length !== columns.length) {
    throw new KeyholdError('ERR_CONFIG_INVALID', {
      message: `The key of a row of ${table} has the form ${columns.map((column) => `<${column}>`).join('/')}.`,
    })
  }
  return kinds
}

/** A table may have two MACs in a row. */
async function findFaulty(
  { steeringRows }: Store,
  kinds: readonly SteeringKind[],
  key: string,
): Promise<SteeringRow[]> {
  const faulty: SteeringRow[] = []
  for (const kind of kinds) {
    const row = await steeringRows.find(kind, key.split('/'))
    if (row === undefined) {
      throw new KeyholdError('ERR_CONFIG_INVALID', {
        message: `There is no such row in ${steeringKinds[kind].table}. One that is missing comes back from a backup alone.`,
      })
    }
    if (row.fault === undefined) continue
    if (!canBeSigned(row)) {
      throw new KeyholdError('ERR_ROOT_KEY_OUTDATED', {
        message:
          'The row is authenticated under a root key that is not in the root key file: put the newer file in place.',
      })
    }
    faulty.push(row)
  }
  if (faulty.length > 0) return faulty
  throw new KeyholdError('ERR_CONFIG_INVALID', {
    message: 'The row is as Keyhold wrote it: there is nothing to accept.',
  })
}
