// The types of the package: what its entries export and what that needs, of core too, and nothing from elsewhere but
// Node's own modules.
import path from 'node:path'
import ts from 'typescript'
import { flattenedTypes } from './flattened-types.ts'
import { entries } from './package-manifest.ts'
import { neededDeclarations } from './needed-declarations.ts'

// Types lie here until they are written; nothing of this is on disk.
const place = '/packed'
const contractFile = `${place}/types/contract.d.ts`

/** Answers the files of the package by name. @throws Error where the types as packed have mistakes */
export function bundleTypes(root: string): Map<string, string> {
  const options = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path.join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file)).config,
    ts.sys,
    root,
  ).options
  // Other workspaces pass for packages, of which nothing is emitted, unless they are named.
  const names = [
    ...Object.values(entries).map(({ source }) => source),
    'core/src/index.ts',
    'contract/src/index.ts',
  ]
  const roots = names.map((name) => path.join(root, name))
  const sources = ts.createProgram(roots, {
    ...options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    // Files are rewritten after this: whoever steps through the types shall not be led to what is not there.
    declarationMap: false,
  })

  const emitted = new Map<string, string>()
  sources.emit(undefined, (file, text) => {
    const source = path.relative(root, file)
    if (!source.startsWith('contract/')) emitted.set(placeOf(source), withPackedSpecifiers(source, text))
  })
  emitted.set(contractFile, flattenedTypes(sources, path.join(root, 'contract/src/index.ts')))

  const wanted = Object.values(entries).map(({ types }) => `${place}/${types}`)
  const program = programOf(emitted, root, options)
  const needed = neededDeclarations(program, wanted, (file) => emitted.has(file))
  // Looked at once more: what was cut out must not be missed.
  const packed = programOf(needed, root, { ...options, skipLibCheck: false })
  const problems = [...needed.keys()].flatMap((file) => {
    const source = packed.getSourceFile(file)
    return [...packed.getSyntacticDiagnostics(source), ...packed.getSemanticDiagnostics(source)]
  })
  if (problems.length > 0) throw new Error(ts.formatDiagnostics(problems, ts.createCompilerHost(options)))
  return new Map([...needed].map(([file, text]) => [path.posix.relative(place, file), text]))
}

/** client/src/node/index.d.ts is types/node/index.d.ts, core/src/errors.d.ts is types/core/errors.d.ts. */
function placeOf(source: string): string {
  const [workspace = '', , ...rest] = source.split('/')
  return path.posix.join(place, 'types', ...(workspace === 'client' ? rest : [workspace, ...rest]))
}

function withPackedSpecifiers(source: string, text: string): string {
  const folder = path.posix.dirname(placeOf(source))
  const toPackage = (name: string): string => {
    const relative = path.posix.relative(
      folder,
      name === 'contract' ? contractFile : placeOf(`${name}/src/index.d.ts`),
    )
    return `./${relative}`.replace(/^\.\/\.\.\//, '../').replace(/\.d\.ts$/, '.js')
  }
  return text
    .replaceAll(
      /(from |import\()(['"])@keyhold\/(\w+)\2/g,
      (_whole, before: string, quote: string, name: string) =>
        [before, quote, toPackage(name), quote].join(''),
    )
    .replaceAll(/(from |import\()(['"])(\.[^'"]*)\.ts\2/g, '$1$2$3.js$2')
}

// The types of Node and of JavaScript itself, which every program needs: parsed once.
const parsed = new Map<string, ts.SourceFile | undefined>()

function programOf(
  files: ReadonlyMap<string, string>,
  root: string,
  options: ts.CompilerOptions,
): ts.Program {
  const packedOptions = {
    ...options,
    allowImportingTsExtensions: false,
    typeRoots: [path.join(root, 'node_modules/@types')],
  }
  const disk = ts.createCompilerHost(packedOptions)
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => files.has(name) || disk.fileExists(name),
    readFile: (name) => files.get(name) ?? disk.readFile(name),
    directoryExists: (name) => name.startsWith(place) || (disk.directoryExists?.(name) ?? true),
    getSourceFile: (name, ...rest) => {
      const text = files.get(name)
      if (text === undefined) {
        if (!parsed.has(name)) parsed.set(name, disk.getSourceFile(name, ...rest))
        return parsed.get(name)
      }
      const format = {
        languageVersion: ts.ScriptTarget.ES2024,
        impliedNodeFormat: ts.ModuleKind.ESNext,
      } as const
      return ts.createSourceFile(name, text, format, true)
    },
  }
  return ts.createProgram([...files.keys()], packedOptions, host)
}
