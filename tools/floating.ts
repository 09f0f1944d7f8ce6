/**
 * Finds what the type checker lets pass and a machine of generators cannot survive:
 *
 * - a forgotten `yield*`: a task that is called and thrown away does nothing at all, and tested as a condition it is always true;
 * - a floating promise: an answer that may come late and that nobody waits for, or that is tested before it is there;
 * - a bare `yield` outside the few files that may stand still by themselves.
 *
 * It uses an older TypeScript, since version 7 has no stable compiler API.
 *
 *   npm run floating
 */
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript-api'

/** The only sources that may `yield` a need; everything else says `yield*`. */
const MAY_YIELD = /^src\/(task|connection|handshake\/peer|record\/(tls|quic|dtls)[^/]*|record\/dtls\/[^/]*)\.ts$/

/** Sources in which a promise may not float: all but the command line and the tests. */
const NO_FLOATING_PROMISE = /^src\/(?!cli\/).*(?<!\.test)\.ts$/

const IS_TEST = /\.test\.ts$/

const GENERATORS = ['Generator', 'AsyncGenerator']
const PROMISES = ['Promise', 'PromiseLike']

const partsOf = (type: ts.Type): ts.Type[] => (type.isUnion() ? type.types.flatMap(partsOf) : [type])
const isOneOf = (type: ts.Type, names: readonly string[]): boolean => names.includes(type.getSymbol()?.name ?? '')
const isNothing = (type: ts.Type): boolean =>
  (type.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Null | ts.TypeFlags.Void)) !== 0

const isOperator = (node: ts.Node, ...operators: ts.SyntaxKind[]): node is ts.BinaryExpression =>
  ts.isBinaryExpression(node) && operators.includes(node.operatorToken.kind)

/** Whether nobody looks at the value of this expression. */
function isDiscarded(node: ts.Expression): boolean {
  const { parent } = node
  if (ts.isParenthesizedExpression(parent)) return isDiscarded(parent)
  if (ts.isConditionalExpression(parent)) return parent.condition !== node && isDiscarded(parent)
  if (isOperator(parent, ts.SyntaxKind.CommaToken)) return parent.left === node || isDiscarded(parent)
  if (isOperator(parent, ...SHORT_CIRCUITS)) return parent.right === node && isDiscarded(parent)
  if (ts.isForStatement(parent)) return parent.initializer === node || parent.incrementor === node
  return ts.isExpressionStatement(parent) || ts.isVoidExpression(parent)
}
const SHORT_CIRCUITS = [
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
]

/** Whether an expression decides which way to go. */
function isCondition(node: ts.Expression): boolean {
  const { parent } = node
  if (ts.isParenthesizedExpression(parent)) return isCondition(parent)
  if (ts.isIfStatement(parent) || ts.isWhileStatement(parent) || ts.isDoStatement(parent)) {
    return parent.expression === node
  }
  if (ts.isForStatement(parent) || ts.isConditionalExpression(parent)) return parent.condition === node
  if (isOperator(parent, ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.BarBarToken)) {
    return parent.left === node || isCondition(parent)
  }
  return ts.isPrefixUnaryExpression(parent) && parent.operator === ts.SyntaxKind.ExclamationToken
}

/** Whether a promise's failure is taken care of: `.catch(…)`, or `.then` with two functions. */
const isHandled = (node: ts.Expression): boolean =>
  ts.isCallExpression(node) &&
  ts.isPropertyAccessExpression(node.expression) &&
  ((node.expression.name.text === 'catch' && node.arguments.length === 1) ||
    (node.expression.name.text === 'then' && node.arguments.length === 2))

/** Expressions that keep what is in them (`x = …`), or pass it on, so that the fault is said of the inner one. */
const keepsOrPasses = (node: ts.Expression): boolean =>
  ts.isParenthesizedExpression(node) ||
  ts.isConditionalExpression(node) ||
  isOperator(node, ...SHORT_CIRCUITS, ts.SyntaxKind.CommaToken) ||
  (ts.isBinaryExpression(node) && isAssignment(node.operatorToken.kind))

const isAssignment = (kind: ts.SyntaxKind): boolean =>
  kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment

/** What is wrong with one expression, if anything is. */
function faultOf(node: ts.Expression, checker: ts.TypeChecker, file: string): string | undefined {
  const discarded = isDiscarded(node)
  const condition = isCondition(node)
  const voided = ts.isArrowFunction(node.parent) && node.parent.body === node && isVoidCallback(node.parent, checker)
  if (keepsOrPasses(node) || !(discarded || condition || voided)) return undefined

  const parts = partsOf(checker.getTypeAtLocation(node))
  const text = node.getText().replace(/\s+/g, ' ')
  const shown = text.length > 60 ? `${text.slice(0, 59)}…` : text
  if (parts.some((part) => isOneOf(part, GENERATORS))) {
    if (discarded) return `forgotten yield*: nobody runs ${shown}`
    if (voided) return `forgotten yield*: the caller of this function throws its task away, ${shown}`
    if (!parts.some(isNothing)) return `forgotten yield*: a task is always true, ${shown}`
  }
  if (NO_FLOATING_PROMISE.test(file) && parts.some((part) => isOneOf(part, PROMISES))) {
    if (discarded && !ts.isVoidExpression(node.parent) && !isHandled(node)) {
      return `floating promise: nobody waits for ${shown}`
    }
    if (condition && parts.some((part) => !isOneOf(part, PROMISES) && !isNothing(part))) {
      return `a promise is always true: wait for ${shown} before deciding`
    }
  }
  return undefined
}

/** Whether a function stands where only its effect is wanted, as in `forEach`. */
function isVoidCallback(node: ts.ArrowFunction, checker: ts.TypeChecker): boolean {
  const signatures = checker.getContextualType(node)?.getCallSignatures() ?? []
  return signatures.some((signature) => (signature.getReturnType().flags & ts.TypeFlags.Void) !== 0)
}

/**
 * Every fault in the project whose `tsconfig.json` stands in `root`, one line each, and how many files were read.
 * Throws when the configuration cannot be read or names no file, since a check of nothing proves nothing.
 */
export function checkFloating(root: string): { faults: string[]; files: number } {
  const refuse = (diagnostic: ts.Diagnostic): never => {
    throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, ' '))
  }
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: refuse }
  const parsed = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.json'), {}, host)
  for (const error of parsed?.errors ?? []) refuse(error)
  if (parsed === undefined || parsed.fileNames.length === 0) throw new Error(`${root}/tsconfig.json names no file.`)

  const program = ts.createProgram(parsed.fileNames, parsed.options)
  const checker = program.getTypeChecker()
  const faults: string[] = []
  for (const fileName of parsed.fileNames) {
    const source = program.getSourceFile(fileName)
    if (source === undefined) throw new Error(`${fileName} could not be read.`)
    const file = relative(root, fileName).replaceAll(sep, '/')
    const say = (node: ts.Node, text: string): void => {
      const { line, character } = source.getLineAndCharacterOfPosition(node.getStart())
      faults.push(`${file}:${line + 1}:${character + 1}: ${text}`)
    }
    const visit = (node: ts.Node): void => {
      if (ts.isYieldExpression(node) && !node.asteriskToken && mustDelegate(file) && !isInAsync(node)) {
        say(node, 'a bare yield: say yield* wait(…), or let the peer or the carrier stand still')
      }
      const fault = ts.isExpression(node) ? faultOf(node, checker, file) : undefined
      if (fault) say(node, fault)
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return { faults, files: parsed.fileNames.length }
}

const mustDelegate = (file: string): boolean => file.startsWith('src/') && !IS_TEST.test(file) && !MAY_YIELD.test(file)

/** Whether the next function around a node is an async one: such a generator is no task, and may hand out what it likes. */
const isInAsync = (node: ts.Node): boolean => {
  const around = ts.findAncestor(node, ts.isFunctionLike)
  return around !== undefined && (ts.getCombinedModifierFlags(around as ts.Declaration) & ts.ModifierFlags.Async) !== 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)))
  const { faults, files } = checkFloating(root)
  for (const fault of faults) console.error(fault)
  console.log(`floating: ${files} files, ${faults.length} faults`)
  if (faults.length > 0) process.exitCode = 1
}
