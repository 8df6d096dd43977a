import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(import.meta.dirname, '..')
const built = join(root, 'dist', 'packages')
const packages = ['schemas', 'kafka', 'kcop', 'capture', 'tcc-consumer', 'mq-sink'] as const
/** What a package needs besides its code. */
const assets = ['**/*.avsc', 'vectors/*.json', 'config/schema.json', 'schema.json', 'bin/*.mjs', '**/*.c', 'README.md']

const environment = { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}` }

interface Manifest {
  exports: Record<string, string>
  files?: string[]
  private?: boolean
}

/**
 * What is published: Node strips no types below node_modules, so the packages are compiled. Imports between packages keep
 * their `.ts` names; the published exports lead them to the compiled files. Returns the tarballs, in order of dependency.
 */
export function pack(say: (line: string) => void): string[] {
  rmSync(built, { recursive: true, force: true })
  say('compiling the packages')
  compile()
  return packages.map(name => {
    complete(name)
    const [line] = run('npm', ['pack', '--silent', '--pack-destination', join(root, 'dist')], join(built, name)).split(
      '\n'
    )
    say(`packed ${line}`)
    return join(root, 'dist', line!.trim())
  })
}

/**
 * TS2877 warns that `.ts` in imports between packages stays as it is: the published exports are made for that. Any other
 * complaint stops.
 */
function compile(): void {
  const { stdout } = spawnSync('tsc', ['-p', join(root, 'release', 'tsconfig.json')], {
    encoding: 'utf8',
    env: environment
  })
  const complaints = stdout.split('\n').filter(line => line !== '' && !line.includes('error TS2877'))
  if (complaints.length > 0) throw new Error(complaints.join('\n'))
}

function complete(name: string): void {
  const source = join(root, name)
  const target = join(built, name)
  for (const pattern of assets) {
    for (const file of globSync(pattern, { cwd: source, exclude: ['node_modules/**', '**/testing/**'] })) {
      mkdirSync(dirname(join(target, file)), { recursive: true })
      copyFileSync(join(source, file), join(target, file))
    }
  }
  cpSync(join(root, 'LICENSE'), join(target, 'LICENSE'))
  const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as Manifest
  const published = { ...manifest, exports: publishedExports(manifest.exports) }
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
}

function publishedExports(exports: Readonly<Record<string, string>>): Record<string, unknown> {
  const published: Record<string, unknown> = {}
  for (const [door, file] of Object.entries(exports)) {
    if (!file.endsWith('.ts')) continue
    const base = file.slice(0, -'.ts'.length)
    published[door] = { types: `${base}.d.ts`, default: `${base}.js` }
  }
  return { ...published, './*.ts': { types: './*.d.ts', default: './*.js' }, './*': './*' }
}

function run(command: string, args: readonly string[], cwd = root): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', env: environment })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) pack(line => void process.stdout.write(`${line}\n`))
