import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript-api'

const sources = new URL('../../../src/', import.meta.url).href
const options = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  inlineSourceMap: true,
}
let ways = 0

/** `__ways[n]++`, each time with another n. */
const count = (factory) =>
  factory.createPostfixIncrement(
    factory.createElementAccessExpression(
      factory.createIdentifier('__ways'),
      factory.createNumericLiteral(ways++ & 0xffff),
    ),
  )

/** Puts a counter where control may come by one of several ways: blocks, arms of conditions, clauses, right sides of && || ??. */
const counted = (context) => {
  const { factory } = context
  const first = (statements) =>
    factory.createNodeArray([factory.createExpressionStatement(count(factory)), ...statements])
  const before = (expression) =>
    factory.createParenthesizedExpression(factory.createCommaListExpression([count(factory), expression]))
  const statement = (node) =>
    ts.isBlock(node) ? node : factory.createBlock([factory.createExpressionStatement(count(factory)), node])
  const visit = (old) => {
    const node = ts.visitEachChild(old, visit, context)
    if (ts.isBlock(node) && !startsWithSuper(node)) return factory.updateBlock(node, first(node.statements))
    if (ts.isCaseClause(node)) return factory.updateCaseClause(node, node.expression, first(node.statements))
    if (ts.isDefaultClause(node)) return factory.updateDefaultClause(node, first(node.statements))
    if (ts.isIfStatement(node))
      return factory.updateIfStatement(
        node,
        node.expression,
        statement(node.thenStatement),
        node.elseStatement &&
          (ts.isIfStatement(node.elseStatement) ? node.elseStatement : statement(node.elseStatement)),
      )
    if (ts.isConditionalExpression(node))
      return factory.updateConditionalExpression(
        node,
        node.condition,
        node.questionToken,
        before(node.whenTrue),
        node.colonToken,
        before(node.whenFalse),
      )
    if (ts.isBinaryExpression(node) && short.has(node.operatorToken.kind))
      return factory.updateBinaryExpression(node, node.left, node.operatorToken, before(node.right))
    if (ts.isArrowFunction(node) && !ts.isBlock(node.body))
      return factory.updateArrowFunction(
        node,
        node.modifiers,
        node.typeParameters,
        node.parameters,
        node.type,
        node.equalsGreaterThanToken,
        before(node.body),
      )
    return node
  }
  return (file) => ts.visitNode(file, visit)
}
const short = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
])
/** The body of a constructor that must begin with super(). */
const startsWithSuper = ({ statements: [one] }) =>
  one !== undefined &&
  ts.isExpressionStatement(one) &&
  ts.isCallExpression(one.expression) &&
  one.expression.expression.kind === ts.SyntaxKind.SuperKeyword

export const load = async (url, context, next) => {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
  const fileName = fileURLToPath(url)
  const { outputText } = ts.transpileModule(readFileSync(fileName, 'utf8'), {
    fileName,
    compilerOptions: options,
    transformers: url.startsWith(sources) ? { before: [counted] } : {},
  })
  return { format: 'module', source: outputText, shortCircuit: true }
}
