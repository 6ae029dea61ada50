// A program of the CDK for the systems of large.py, with a nested stack for each service, as its users write one.
// node nested.js SERVICES FOLDER
const cdk = require("aws-cdk-lib");
const { aws_ec2: ec2, aws_ecs: ecs, aws_rds: rds, aws_secretsmanager: secrets } = cdk;
const { aws_elasticloadbalancingv2: elb, aws_logs: logs } = cdk;

const [services, folder] = [Number(process.argv[2]), process.argv[3]];
const USERS = 25;
const app = new cdk.App({ outdir: folder, analyticsReporting: false });
const stack = new cdk.Stack(app, "large", { env: { region: "eu-west-1" } });
const vpc = new ec2.Vpc(stack, "Vpc", { maxAzs: 2, natGateways: 1 });
const cluster = new ecs.Cluster(stack, "Cluster", { vpc, defaultCloudMapNamespace: { name: "large.internal" } });
const balancer = new elb.ApplicationLoadBalancer(stack, "Ingress", { vpc, internetFacing: true });
const listener = balancer.addListener("Http", { port: 80, defaultAction: elb.ListenerAction.fixedResponse(404) });
const stores = [];
for (let number = 0; number < Math.ceil(services / USERS); number++) {
  stores.push(
    new rds.DatabaseInstance(stack, `Store${number}`, {
      vpc,
      engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
      instanceType: new ec2.InstanceType("r7g.16xlarge"),
      storageEncrypted: true,
    }),
  );
}
const rule = (group, source, port, scope, name) =>
  new ec2.CfnSecurityGroupIngress(scope, name, {
    groupId: group.securityGroupId,
    sourceSecurityGroupId: source.securityGroupId,
    ipProtocol: "tcp",
    fromPort: port,
    toPort: port,
  });
const groups = [];
for (let number = 0; number < services; number++) {
  const within = new cdk.NestedStack(stack, `Service${number}`);
  const store = stores[Math.floor(number / USERS)];
  const secret = new secrets.Secret(within, "Secret", { generateSecretString: { excludePunctuation: true } });
  const group = new ec2.SecurityGroup(within, "Group", { vpc });
  groups.push(group);
  const task = new ecs.FargateTaskDefinition(within, "Task", { cpu: 512, memoryLimitMiB: 1024 });
  const called = [1, 2].filter((back) => number >= back).map((back) => number - back);
  task.addContainer("main", {
    image: ecs.ContainerImage.fromRegistry("docker.io/library/nginx:1.27"),
    portMappings: [{ containerPort: 8000 }],
    environment: {
      STORE_HOST: store.instanceEndpoint.hostname,
      ...Object.fromEntries(called.map((other) => [`SERVICE_${other}_URL`, `http://service-${other}.large.internal:8000`])),
    },
    secrets: { STORE_PASSWORD: ecs.Secret.fromSecretsManager(secret, "password") },
    logging: ecs.LogDrivers.awsLogs({ streamPrefix: "main", logRetention: logs.RetentionDays.ONE_MONTH }),
  });
  const service = new ecs.FargateService(within, "Service", {
    cluster,
    taskDefinition: task,
    securityGroups: [group],
    cloudMapOptions: { name: `service-${number}` },
    circuitBreaker: { rollback: true },
    minHealthyPercent: 100,
  });
  rule(store.connections.securityGroups[0], group, 5432, within, "ToStore");
  for (const other of called) rule(groups[other], group, 8000, within, `To${other}`);
  if (number % 3 === 0) {
    const targets = new elb.ApplicationTargetGroup(within, "Targets", { vpc, port: 80, targets: [service] });
    new elb.ApplicationListenerRule(within, "Rule", {
      listener,
      priority: number + 1,
      conditions: [elb.ListenerCondition.pathPatterns([`/api/${number}`])],
      action: elb.ListenerAction.forward([targets]),
    });
  }
}
app.synth();
