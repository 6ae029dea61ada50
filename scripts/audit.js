// Runs packs of cdk-nag over templates, which CfnInclude reads. Prints {FILE: {PACK: [[RULE, LOGICAL_ID, IS_ERROR]]}}.
// cdk-nag 3 reads no exceptions from a template, so all findings are printed, and audit.py says which are explained.
const fs = require('fs');
const os = require('os');
const path = require('path');
const { App, Stack } = require('aws-cdk-lib');
const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');
const nag = require('cdk-nag');

const packs = {
  AwsSolutions: nag.AwsSolutionsChecks,
  'NIST.800.53.R5': nag.NIST80053R5Checks,
  'PCI.DSS.321': nag.PCIDSS321Checks,
  'HIPAA.Security': nag.HIPAASecurityChecks,
};
const found = {};
for (const file of process.argv.slice(2)) {
  const outdir = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-'));
  const app = new App({ outdir });
  new CfnInclude(new Stack(app, 'Stack'), 'Template', { templateFile: file });
  found[file] = {};
  for (const [name, Pack] of Object.entries(packs)) {
    found[file][name] = new Pack(app).validateScope(app).violations.flatMap((violation) =>
      violation.violatingResources.map((resource) => [
        violation.ruleName,
        resource.constructPath.split('/').pop(),
        violation.severity === 'error',
      ]),
    );
  }
  fs.rmSync(outdir, { recursive: true, force: true });
}
console.log(JSON.stringify(found));
