// Replies that are a sentence.
import { printable } from '../printable.ts'
import type { View } from '../print-reply.ts'

export const messageView: View<{ message: string }> = {
  ids: () => [],
  text: ({ message }) => printable(message),
}
