// A rule of the linter for the server: a connection that does not pin where names are looked up may call somebody else's
// functions (server/src/driver/pinned-client.ts).
import type { Plugin } from '@oxlint/plugins'

const pools = ['Pool', 'PgBoss', 'PinnedClient']

const plugin: Plugin = {
  meta: { name: 'connections' },
  rules: {
    'pinned-connection': {
      create: (context) => ({
        NewExpression(node) {
          const { callee } = node
          const named = callee.type === 'MemberExpression' ? callee.property : callee
          if (named.type !== 'Identifier') return
          const isPinned =
            pools.includes(named.name) && context.sourceCode.getText(node).includes('pinnedConfig(')
          if ((named.name !== 'Client' && !pools.includes(named.name)) || isPinned) return
          context.report({
            node,
            message: 'Connect with PinnedClient, or give the pool pinnedConfig(connection).',
          })
        },
      }),
    },
  },
}

export default plugin
