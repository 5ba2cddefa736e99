// The routes of the draft of a key set-up.
import { limits, type Setup } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import { deleteSetup, saveSetup } from '../../../access/setup-draft.ts'
import type { SetupDraft } from '../../../store/console/setup-drafts.ts'
import type { Store } from '../../../store/store.ts'
import { actorOf } from '../../wire/actor-of.ts'
import type { Handlers } from '../../server/handler.ts'

export function setupHandlers({
  store,
}: {
  store: Store
}): Pick<Handlers, 'getSetup' | 'saveSetup' | 'deleteSetup'> {
  async function wire({ apiKeys }: Pick<Store, 'apiKeys'>, draft: SetupDraft): Promise<Setup> {
    const { tenantId, createdBy, changedBy } = draft
    const names = await apiKeys.findNames([...new Set([createdBy, changedBy])], tenantId)
    const person = (id: string) => {
      const name = names.get(id) ?? ''
      return { id, ...(name !== '' && { name }) }
    }
    return {
      ...{ tenantId, version: draft.version, step: draft.step as Setup['step'] },
      choices: JSON.parse(draft.choices) as Setup['choices'],
      ...{ createdBy: person(createdBy), createdAt: draft.createdAt.toISOString() },
      ...{ changedBy: person(changedBy), changedAt: draft.changedAt.toISOString() },
      expiresAt: draft.expiresAt.toISOString(),
    }
  }

  return {
    async getSetup({ tenantId }) {
      const body = await store.readSnapshot(async (snapshot) => {
        const draft = await snapshot.setupDrafts.find(tenantId)
        if (draft === undefined) throw new KeyholdError('ERR_SETUP_NOT_FOUND')
        return wire(snapshot, draft)
      })
      return { status: 200, body }
    },

    async saveSetup(call) {
      const { version: seen, step, choices } = call.body
      const change = { seen, step, choices: JSON.stringify(choices), days: limits.setupDraftDays }
      const draft = await saveSetup(store, call.tenantId, change, actorOf(call))
      return { status: 200, body: await wire(store, draft) }
    },

    async deleteSetup(call) {
      await deleteSetup(store, call.tenantId, actorOf(call))
      return { status: 204, body: null }
    },
  }
}
