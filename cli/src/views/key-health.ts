// The health of a key for people.
import type { KeyHealth } from '@keyhold/client'
import { formatFields } from '../aligned-text.ts'
import type { View } from '../print-reply.ts'
import { readableTime } from './readable-time.ts'

export const keyHealthView: View<KeyHealth> = {
  ids: ({ state }) => [state],
  text: ({ state, cause, since, checkedAt, advice, regions }) =>
    formatFields([
      ['health', state],
      ['cause', cause],
      ['advice', advice === '' ? undefined : advice],
      ['since', readableTime(since)],
      ['checked', readableTime(checkedAt)],
      ['regions', regions.map((each) => `${each.region}  ${each.state}: ${each.cause}`)],
    ]),
}
