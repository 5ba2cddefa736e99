// A rule of the linter for the server: all replicas share the database's clock; their own may be wrong, and jumps
// (server/src/store/database-clock.ts).
import type { Plugin } from '@oxlint/plugins'

const plugin: Plugin = {
  meta: { name: 'clock' },
  rules: {
    'database-clock': {
      create: (context) => ({
        MemberExpression(node) {
          const { object, property } = node
          if (object.type !== 'Identifier' || object.name !== 'Date') return
          if (property.type !== 'Identifier' || property.name !== 'now') return
          const message =
            "Use store.clock.now() for the time, SQL's now() in a statement, performance.now() for durations."
          context.report({ node, message })
        },
        NewExpression(node) {
          const { callee } = node
          if (callee.type !== 'Identifier' || callee.name !== 'Date' || node.arguments.length > 0) return
          context.report({
            node,
            message: "Use store.clock.now() for the time, and SQL's now() in a statement.",
          })
        },
      }),
    },
  },
}

export default plugin
