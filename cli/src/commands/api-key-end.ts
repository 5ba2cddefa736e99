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
    yes: flag('-y, --yes', 'do not ask, but for the last one of an operator'),
    lastOperator: flag('--last-operator', 'end it even if it is the last one of an operator'),
  },
  async run({ shell, openSession }, { id, yes, lastOperator }) {
    const session = await openSession('operator')
    if (id === session.ownApiKeyId && !yes) {
      await confirm(shell, `${id} is the API key of this very command: revoke it?`)
    }
    const params = { apiKeyId: id }
    try {
      session.printStatus(
        await session.call('deleteApiKey', {
          params,
          ...(lastOperator && { query: { lastOperator: 'true' } }),
        }),
      )
    } catch (error) {
      const isLast = error instanceof KeyholdApiError && error.code === 'ERR_API_KEY_LAST_OPERATOR'
      // A script says --yes for every key. This one needs a word of its own.
      if (!isLast || yes) throw error
      await confirm(
        shell,
        `${id} is the last API key of an operator, so nobody could make another one here: revoke it?`,
        '--last-operator',
      )
      session.printStatus(await session.call('deleteApiKey', { params, query: { lastOperator: 'true' } }))
    }
  },
})
