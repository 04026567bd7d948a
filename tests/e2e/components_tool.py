"""Object 33629 (AVSystem's Advanced Firmware Update) for the LwM2M device in Python, from its published description.

Each component is an instance with a state machine as object 5 has it. Update takes the instances that are to be
installed with the first one as argument 0; the device installs them all or none, and restarts once.
"""
import re
import struct
import threading

from lwm2m_tool import GET, POST, PUT, Firmware

OBJECT = 33629
CONFLICT, DEPENDENCY = 12, 13
ARGUMENT = re.compile(r"0(?:='((?:</33629/\d+>)(?:,</33629/\d+>)*)')?")


class Component(Firmware):
    def __init__(self, name, current="0.9", conflicts=(), **more):
        super().__init__(**more)
        self.name, self.current, self.new, self.conflicts = name, current, self.version, list(conflicts)

    def values(self):
        values = {**super().values(), 15: self.current}
        if self.name is not None:
            values[14] = self.name
        for resource, instances in ((16, self.owner.linked(self)), (17, self.conflicts if self.result in (CONFLICT, DEPENDENCY) else [])):
            if instances:
                values[resource] = {i: struct.pack(">HH", OBJECT, instance) for i, instance in enumerate(instances)}
        return values


class Components:
    """What the device has; `whole`: object 5 beside it. `listed` False: the object list names the object alone.

    `arguments` "taken"; "refused": 4.00; "ignored": it installs the one component that Update was executed on;
    "one by one": so it does, without a restart, and refuses the next one once; "never": Update is 4.05 always; "needs":
    so it is, with the result that says why.
    """

    def __init__(self, *components, whole=None, listed=True, arguments="taken", keep_result=True):
        self.components = dict(enumerate(components))
        self.whole, self.arguments, self.keep_result = whole, arguments, keep_result
        self.paths = [(OBJECT, i) for i in self.components] if listed else [(OBJECT,)]
        for i, component in self.components.items():
            component.owner, component.paths = self, [(OBJECT, i)]
        if whole:
            self.paths.insert(0, (5, 0))
        self.todo = None
        self.executed, self.installed = [], []  # arguments; what changed at one restart
        self.begun = []  # which component something of a transfer came for, and the states of all then

    @property
    def device(self):
        return self._device

    @device.setter
    def device(self, device):
        self._device = device
        for one in [*self.components.values(), *filter(None, [self.whole])]:
            one.device = device

    def owns(self, parts):
        return parts[:1] == [OBJECT] or bool(self.whole and self.whole.owns(parts))

    def links(self, parts):
        return [f"/{OBJECT}/{i}{end}" for i in self.components for end in ("", "/3", "/5")] if parts == [OBJECT] else []

    def linked(self, component):
        return [i for i, other in self.components.items() if other is not component and component.state == other.state == 2]

    def of(self, parts):
        if parts[:1] == [5]:
            return self.whole
        return self.components.get(parts[1]) if len(parts) > 1 else None

    def read(self, parts):
        return self.of(parts).read(parts) if self.of(parts) else None

    def answer(self, request, parts):
        one = self.of(parts)
        if one is None:
            return (0x84, [], b"") if len(parts) > 1 else None
        if request.code == POST and parts[2:] == [2] and one is not self.whole:
            return self.execute(parts[1], request.payload.decode())
        if request.code == PUT and request.payload not in (b"", b"\0"):
            self.begun.append((parts[1], [other.state for other in self.components.values()]))
        if request.code == GET and len(parts) > 2 and parts[2] in (14, 15, 16, 17):
            return None
        return one.answer(request, parts)

    def execute(self, instance, argument):
        self.executed.append((instance, argument))
        if argument and self.arguments == "refused":
            return 0x80, [], b""
        component = self.components[instance]
        if component.state != 2:
            return 0x85, [], b""
        chosen = [instance, *self.linked(component)]
        if argument:
            match = ARGUMENT.fullmatch(argument)
            if not match:
                return 0x80, [], b""
            chosen = [instance] + [int(i) for i in re.findall(r"/33629/(\d+)", match[1] or "")]
        if self.arguments in ("ignored", "one by one"):
            chosen = [instance]
        if self.arguments == "one by one" and len(self.executed) == 2:
            return 0x85, [], b""
        if self.arguments in ("never", "needs"):
            component.result = DEPENDENCY if self.arguments == "needs" else 0
            return 0x85, [], b""
        parts = [self.components[i] for i in chosen]
        if any(part.state != 2 for part in parts):
            component.result, component.conflicts = DEPENDENCY, [i for i in chosen if self.components[i].state != 2]
            return 0x85, [], b""
        for part in parts:
            part.state, part.result = 3, 0
        self.todo = parts
        return 0x44, [], b""

    def after(self):
        for one in [*self.components.values(), *filter(None, [self.whole])]:
            one.after()
        parts, self.todo = self.todo, None
        if parts:
            threading.Thread(target=self.install, args=(parts,), daemon=True).start()

    def install(self, parts):
        """All or none, with one restart."""
        good = all(part.verdict == 1 for part in parts)
        restarts = self.arguments != "one by one"
        if restarts:
            self.device.move()
        for part in parts:
            part.state = 0 if good or part.verdict != 1 else 2
            part.result = (part.verdict if good or part.verdict != 1 else 0) if self.keep_result else 0
            part.current = part.new if good else part.current
        if good:
            self.installed.append(sorted(part.name for part in parts))
        if restarts:
            self.device.register()
        else:
            for part in parts:
                part.tell()
