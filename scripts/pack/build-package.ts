// Builds one package: JavaScript, types and source maps. Other workspaces become part of it; what comes from npm does not,
// and the build fails where it would, or where something is imported that the package does not install.
import path from 'node:path'
import { build } from 'tsdown'
import type { Package } from './packages.ts'
import { wireTypes } from './wire-types.ts'
import { withoutFailpoints } from './without-failpoints.ts'
import { npmDependencies, readWorkspaceManifest, type WorkspaceManifest } from './workspace-manifest.ts'

export interface BuildOptions {
  /** Gets `dist`. */
  folder: string
  /** Types take most of the time. */
  hasTypes: boolean
}

/** @throws Error for any warning, too */
export async function buildPackage(
  root: string,
  { workspace, entries, exports }: Package,
  manifest: WorkspaceManifest,
  { folder, hasTypes }: BuildOptions,
): Promise<void> {
  const typed = Object.values(exports).map((entry) => entries[entry] ?? '')
  const installed = [
    ...Object.keys(npmDependencies(manifest)),
    ...Object.keys(manifest.optionalDependencies ?? {}),
  ]
  await build({
    cwd: path.join(root, workspace),
    config: false,
    entry: { ...entries },
    outDir: path.join(folder, 'dist'),
    format: 'esm',
    platform: 'node',
    target: 'node22.13',
    fixedExtension: false,
    sourcemap: true,
    tsconfig: path.join(root, 'tsconfig.json'),
    dts: hasTypes &&
      typed.length > 0 && {
        cwd: path.join(root, workspace),
        entry: typed,
        sourcemap: false,
        compilerOptions: { paths: await sourcesOfWorkspaces(root) },
      },
    // The compiler takes its time.
    checks: { bundlerTimings: false },
    deps: {
      alwaysBundle: /^@keyhold\//,
      onlyBundle: [],
      onlyImport: installed,
    },
    plugins: [withoutFailpoints(), wireTypes(root)],
    report: false,
    logLevel: 'warn',
    failOnWarn: true,
  })
}

/** By what is imported of other workspaces: its source. The compiler writes no types of what it finds in `node_modules`. */
async function sourcesOfWorkspaces(root: string): Promise<Record<string, string[]>> {
  const workspaces = ['core', 'contract', 'client', 'local-kms']
  const manifests = await Promise.all(workspaces.map((each) => readWorkspaceManifest(root, each)))
  return Object.fromEntries(
    manifests.flatMap(({ name, exports = {} }, index) =>
      Object.entries(exports).map(([at, source]) => [
        path.posix.join(name, at),
        [path.join(root, workspaces[index] ?? '', source)],
      ]),
    ),
  )
}
