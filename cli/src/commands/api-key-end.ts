// keyhold api-key rm: it asks where whoever runs it may lock himself out.
import { KeyholdApiError } from '@keyhold/client'
import { confirm } from '../input/confirm.ts'
import { parsePathSegment } from '../input/parse-path-segment.ts'
import { command } from '../table/command-spec.ts'
import { argument, flag } from '../table/input.ts'

export const removeApiKeyCommand = command({
  name: 'rm',
  about:
    'Revoke an API key. It asks first for the key that it uses itself, and for the last one of an operator.',
  inputs: {
    id: argument('<id>', 'id of the API key', parsePathSegment),
    yes: flag('-y, --yes', 'do not ask'),
  },
  async run({ shell, openSession }, { id, yes }) {
    const session = await openSession('operator')
    if (id === session.ownApiKeyId && !yes) {
      await confirm(shell, `${id} is the API key of this very command: revoke it?`)
    }
    const params = { apiKeyId: id }
    try {
      session.printStatus(
        await session.call('deleteApiKey', { params, ...(yes && { query: { lastOperator: 'true' } }) }),
      )
    } catch (error) {
      if (!(error instanceof KeyholdApiError) || error.code !== 'ERR_API_KEY_LAST_OPERATOR') throw error
      await confirm(
        shell,
        `${id} is the last API key of an operator, so nobody could make another one here: revoke it?`,
      )
      session.printStatus(await session.call('deleteApiKey', { params, query: { lastOperator: 'true' } }))
    }
  },
})
