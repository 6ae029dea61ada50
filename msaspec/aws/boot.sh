# ---- The same for every service from here on. ----
# A template carries this without the comments: see scripts.py. It runs at every boot and is harmless to run again.
# Never `set -x`, and no secret in an argument list: both would show it.
set -euo pipefail; umask 077
LOG=/var/log/msaspec.log BOOT=/var/lib/cloud/scripts/per-boot/msaspec
SIGNALLED=/var/lib/cloud/instance/msaspec-signalled
REGISTRY=$(cut -d/ -f1 <<<"$IMAGE")
AWS_DEFAULT_REGION=$(cut -d: -f4 <<<"$STACK")
export AWS_DEFAULT_REGION SETTINGS HOME=/root LC_ALL=C.UTF-8  # cloud-init sets none of them
exec >>$LOG 2>&1

# step NAME [COMMAND...]: what follows is this step. The command is tried again, for the network or the role may not be
# ready yet.
step() {
  echo "-- $1"
  shift
  for pause in 2 4 8 16; do "$@" && return; sleep $pause; done
  "$@"
}
login() {
  password=$(aws ecr get-login-password --region "$(cut -d. -f4 <<<"$REGISTRY")") &&
    docker login -u AWS --password-stdin "$REGISTRY" <<<"$password"
}
# Once in the life of an instance: a signal outside of a stack operation is refused.
signal() {
  [ -e $SIGNALLED ] || step signal aws cloudformation signal-resource --stack-name "$STACK" \
    --logical-resource-id "$RESOURCE" --unique-id "$INSTANCE" --status "$1" && touch $SIGNALLED
}
logs() { timeout 30 aws logs "$@" --log-group-name "$LOG_GROUP" --log-stream-name "$INSTANCE/boot"; }
# A signal has no reason, so the log has it: the step and the last thing that it said, then what came before.
failed() {
  set +e
  { awk '/./ && !/ --help/ {said = $0} /^-- / {step = $2; said = "failed"} END {print step ": " said}' $LOG
    tail -n 20 $LOG; docker logs --tail 20 "$SERVICE"; } 2>&1 | python3 boot.py event >events
  logs create-log-stream
  logs put-log-events --log-events file://events
  signal FAILURE
}

step docker
INSTANCE=$(</var/lib/cloud/data/instance-id)
trap failed EXIT
[ "$0" -ef $BOOT ] || cp "$0" $BOOT  # a reboot runs it again and reads the secrets anew
mkdir -p /run/msaspec; cd /run/msaspec
cat >boot.py <<'PYTHON'
import functools, json, os, subprocess, sys, time
READ = {"secret": "secretsmanager get-secret-value --query SecretString --secret-id",
  "ssm": "ssm get-parameter --with-decryption --query Parameter.Value --name"}

def output(*command):
  done = subprocess.run(command, stdout=subprocess.PIPE)
  return done.stdout.decode() if done.returncode == 0 else ""

once = functools.cache(output)

def read(kind, arn, *keys):
  region = ["--region", arn.split(":")[3]] if arn[:4] == "arn:" else []
  text = json.loads(once("aws", *READ[kind].split(), arn, "--output", "json", *region) or sys.exit(1))
  for key in keys:
    try: text = json.loads(text)[key]
    except Exception: sys.exit(f"no key {key} in {arn}")
  return text if isinstance(text, str) else json.dumps(text)

def environment(**variables):
  for name, pieces in variables.items():
    variables[name] = value = "".join(piece if isinstance(piece, str) else read(*piece) for piece in pieces)
    if set(value) & set("\0\r\n" if name in steering else "\0"): sys.exit(name + " holds a line break or NUL")
  json.dump(variables, open("environment", "w"))

# Values reach the container by way of the docker client's own environment: an env-file takes no line breaks, no long
# lines, and may lose quotes one day (docker/cli#3630). Only the variables that would steer the client are in one.
def docker(options=(), command=()):
  values = json.load(open("environment"))
  open("steering", "w").writelines(f"{name}={values.pop(name)}\n" for name in steering)
  command = ["docker", "run", "-d", *["-e" + name for name in values], *options, *sys.argv[2:], *command]
  os.execvpe("docker", command, {**os.environ, **values})

def health(url=None, interval=10, timeout=5, healthy=2, codes=[[200, 399]], grace=180):
  row, end = 0, time.monotonic() + grace
  while url:
    code = int(output("curl", "-qgs", "--path-as-is", f"-m{timeout}", "-o/dev/null", "-w%{http_code}", url) or 0)
    row = row + 1 if any(low <= code <= high for low, high in codes) else 0
    if row == healthy: return
    if not row and time.monotonic() > end: break
    time.sleep(interval if row else min(1, interval))  # no pause is too short for what is still starting
  else: time.sleep(grace)  # a worker has to stay up
  form = "{{.State.Status}}, exit {{.State.ExitCode}}, {{.RestartCount}} restarts"
  state = output("docker", "inspect", sys.argv[2], "-f", form)
  if url: sys.exit(f"{code or 'no answer'} on {url}, {state}")
  if state != "running, exit 0, 0 restarts\n": sys.exit(state)

def event():
  print(json.dumps([{"timestamp": int(time.time() * 1000), "message": open(0, errors="replace").read(99999)}]))

settings = json.loads(os.environ["SETTINGS"])
steering = settings.get("steering", ())
globals()[sys.argv[1]](**settings.get(sys.argv[1], {}))
PYTHON
command -v docker || step docker dnf install -y docker
systemctl enable --now docker

step secrets python3 boot.py environment
# Only where it is not there yet: a tag that was pushed again must not come in by a reboot.
if ! docker image inspect -f . "$IMAGE"; then
  [[ $REGISTRY != *.dkr.ecr.* ]] || step login login
  step pull docker pull -q "$IMAGE"
fi

step run  # last: if a reboot cannot get here, the old container keeps running
docker rm -f "$SERVICE" || true
python3 boot.py docker --name "$SERVICE" --restart unless-stopped --pull never --env-file steering \
  --log-driver awslogs --log-opt mode=non-blocking --log-opt awslogs-region="$AWS_DEFAULT_REGION" \
  --log-opt awslogs-group="$LOG_GROUP" --log-opt awslogs-stream="$INSTANCE" "$IMAGE"

step health
python3 boot.py health "$SERVICE"

trap - EXIT
signal SUCCESS || true
