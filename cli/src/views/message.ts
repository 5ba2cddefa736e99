// Replies that are a sentence of the server.
import { printable } from '../output/printable.ts'
import type { View } from '../output/print-reply.ts'

export const messageView: View<{ message: string }> = {
  ids: () => [],
  text: ({ message }) => printable(message),
}
