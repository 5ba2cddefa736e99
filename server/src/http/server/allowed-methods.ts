// Knows the methods of every path. A request that fits no route has either a wrong method or a wrong path.
import { KeyholdError } from '@keyhold/core'

export interface AllowedMethods {
  /** Adds a route; `:name` in its path stands for one segment, `*` for the rest. */
  add(method: string | readonly string[], path: string): void
  /** The error for a request for `target`, which fits no route. */
  refusal(target: string): KeyholdError
}

export function createAllowedMethods(): AllowedMethods {
  const routes: { form: RegExp; methods: readonly string[] }[] = []
  return {
    add(method, path) {
      const form = new RegExp(
        `^${path.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll(/:\w+/g, '[^/]*')}$`,
      )
      routes.push({ form, methods: [method].flat() })
    },

    refusal(target) {
      const [path = ''] = target.split(/[?#]/, 1)
      const methods = routes.filter(({ form }) => form.test(path)).flatMap((route) => route.methods)
      if (methods.length === 0) return new KeyholdError('ERR_ROUTE_NOT_FOUND')
      const allow = [...new Set(methods)].sort().join(', ')
      return new KeyholdError('ERR_METHOD_NOT_ALLOWED', {
        message: `The methods of this path: ${allow}.`,
        details: { allow },
      })
    },
  }
}
