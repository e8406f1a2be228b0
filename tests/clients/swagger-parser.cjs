// Validate an OpenAPI document and resolve its references: node swagger-parser.cjs FILE
//
// Standard output is the number of paths and of schemas, as JSON.
const library = require("@apidevtools/swagger-parser");
const SwaggerParser = library.default ?? library.SwaggerParser ?? library;
SwaggerParser.validate(process.argv[2]).then(({ paths, components }) => {
  console.log(JSON.stringify([Object.keys(paths).length, Object.keys(components.schemas).length]));
});
