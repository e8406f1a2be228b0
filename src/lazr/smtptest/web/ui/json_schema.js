/** Check a value against a JSON Schema: the keywords of 2020-12 that the schema of rules uses. */

/** @typedef {Record<string, any>} Schema */
/** @typedef {{path: string, text: string}} Problem `path` is such as "do[0].reply". */

/**
 * Return the first problems of a value; none if the schema accepts it.
 *
 * @param {any} value
 * @param {Schema} schema
 * @param {Schema} root The document that `$ref` refers to.
 * @param {string} [path]
 * @returns {Problem[]}
 */
export function findProblems(value, schema, root, path = "") {
  if (schema.$ref) return findProblems(value, resolve(schema.$ref, root), root, path);
  const problem = (/** @type {string} */ text) => [{ path, text }];
  if (schema.type && ![schema.type].flat().some((type) => isType(value, type))) return problem(`must be ${nameTypes(schema.type)}`);
  if ("const" in schema && value !== schema.const) return problem(`must be ${JSON.stringify(schema.const)}`);
  if (schema.enum && !schema.enum.includes(value)) return problem(`must be one of ${schema.enum.join(", ")}`);
  const simple = typeof value === "number" ? checkNumber(value, schema) : typeof value === "string" ? checkText(value, schema) : "";
  if (simple) return problem(simple);
  const problems = Array.isArray(value) ? checkArray(value, schema, root, path) : isType(value, "object") ? checkObject(value, schema, root, path) : [];
  return problems.length || !schema.anyOf ? problems : checkAlternatives(value, schema, root, path);
}

/** @param {string} reference such as "#/$defs/rule" @param {Schema} root @returns {Schema} */
const resolve = (reference, root) => reference.slice(2).split("/").reduce((part, name) => part[name], root);

/** @param {any} value @param {string} type */
function isType(value, type) {
  if (type === "array") return Array.isArray(value);
  if (type === "null") return value === null;
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}

/** @param {string | string[]} types */
const nameTypes = (types) => [types].flat().map((type) => ({ object: "an object", array: "a list", string: "a text", integer: "a whole number", number: "a number", boolean: "true or false", null: "null" })[type] ?? type).join(" or ");

/** @param {number} value @param {Schema} schema */
function checkNumber(value, { minimum, maximum, exclusiveMinimum }) {
  if (value < minimum) return `must be at least ${minimum}`;
  if (value > maximum) return `must be at most ${maximum}`;
  return value <= exclusiveMinimum ? `must be greater than ${exclusiveMinimum}` : "";
}

/** @param {string} value @param {Schema} schema */
function checkText(value, { pattern }) {
  return pattern && !new RegExp(pattern, "u").test(value) ? `must match ${pattern}` : "";
}

/** @param {any[]} value @param {Schema} schema @param {Schema} root @param {string} path @returns {Problem[]} */
function checkArray(value, { minItems = 0, prefixItems = [], items = {} }, root, path) {
  if (value.length < minItems) return [{ path, text: "must not be empty" }];
  return value.flatMap((item, i) => findProblems(item, prefixItems[i] ?? items, root, `${path}[${i}]`));
}

/** @param {Record<string, any>} value @param {Schema} schema @param {Schema} root @param {string} path @returns {Problem[]} */
function checkObject(value, { properties = {}, required = [], additionalProperties = true, minProperties = 0, maxProperties = Infinity }, root, path) {
  const keys = Object.keys(value);
  const inside = (/** @type {string} */ key) => (path ? `${path}.${key}` : key);
  const missing = required.filter((/** @type {string} */ key) => !(key in value)).map((/** @type {string} */ key) => ({ path: inside(key), text: "is missing" }));
  if (missing.length) return missing;
  if (keys.length < minProperties) return [{ path, text: "must not be empty" }];
  if (keys.length > maxProperties) return [{ path, text: `must have at most ${maxProperties} members` }];
  return keys.flatMap((key) => {
    const schema = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    if (schema === false) return [{ path: inside(key), text: `is unknown here; possible: ${Object.keys(properties).join(", ")}` }];
    return schema === true ? [] : findProblems(value[key], schema, root, inside(key));
  });
}

/** The alternative that fails deepest inside the value is the one that was meant. @param {any} value @param {Schema} schema @param {Schema} root @param {string} path */
function checkAlternatives(value, { anyOf }, root, path) {
  /** @type {Problem[][]} */
  const results = anyOf.map((/** @type {Schema} */ alternative) => findProblems(value, alternative, root, path));
  if (results.some((problems) => !problems.length)) return [];
  const isRequirement = anyOf.every((/** @type {Schema} */ { required, properties }) => required && !properties);
  if (isRequirement) return [{ path, text: `must have one of ${anyOf.map((/** @type {Schema} */ { required }) => required[0]).join(", ")}` }];
  return results.reduce((best, problems) => (problems[0].path.length > best[0].path.length ? problems : best));
}
