// Headers of every reply. Keys, tokens and plaintexts are kept by no cache, and no browser takes a reply for what it is not.
export const onEveryReply = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const
