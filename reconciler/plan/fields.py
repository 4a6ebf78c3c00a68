"""The table of everything that is compared: one row per field of a compose service, in the order of its paths.

Room 3 (plan); may import only model and errors. `docs/drift.md` is generated from it (`drift_doc.py`). To compare one
more field, add a row here and a case to `tests/plan/test_compare.py`.
"""

from __future__ import annotations

from functools import partial

from reconciler.plan import normal_images as images
from reconciler.plan import normal_network as network
from reconciler.plan import normal_ports as ports
from reconciler.plan import normal_process as process
from reconciler.plan import normal_resources as resources
from reconciler.plan import normal_security as security
from reconciler.plan import normal_storage as storage
from reconciler.plan.field import Field, exact, flag, from_image, frozen, limit, name_space, plain, shown
from reconciler.plan.normal_scalars import cpus, microseconds, nano_cpus, number, positive, seconds, size
from reconciler.plan.subject import Normal, Subject, in_order, single, text, under

_IDENTITY = (
    Field(
        "container_name",
        "Name",
        lambda subject: single(_name(subject)),
        lambda subject: single(subject.container.name.lstrip("/") if subject.container else None),
        "rename",
        note="default: `project-service-number`",
        always=True,
    ),
    Field(
        "image",
        "Config.Image",
        images.desired_reference,
        images.observed_reference,
        keys=("image", "build"),
        note="references in their full spelling; what is built without a name is `project-service`",
    ),
    Field(
        "image.id",
        "Image",
        images.desired_content,
        images.observed_content,
        keys=("image", "build"),
        note="the local id that the reference resolves to now; told only while the reference is the same",
        always=True,
    ),
)

_PROCESS = (
    Field(
        "command",
        "Config.Cmd",
        process.desired_command,
        process.observed_command,
        image="Cmd",
        keys=("command", "entrypoint"),
        note="default: the image's, unless the service has an entrypoint",
    ),
    Field(
        "entrypoint",
        "Config.Entrypoint",
        process.desired_entrypoint,
        process.observed_entrypoint,
        image="Entrypoint",
        note='default: the image\'s; `[]` and `""` are none',
    ),
    from_image("working_dir", "Config.WorkingDir", cleaned=True),
    from_image("user", "Config.User"),
    Field(
        "environment",
        "Config.Env",
        process.desired_environment,
        process.observed_environment,
        image="Env",
        note="over the image's; `env_file` is merged in; one too many is a difference, `A` alone takes A away",
    ),
    Field(
        "labels",
        "Config.Labels",
        process.desired_labels,
        process.observed_labels,
        image="Labels",
        note="over the image's; compose's own (`com.docker.compose.…`) are left out",
    ),
    Field(
        "annotations",
        "HostConfig.Annotations",
        lambda subject: security.string_map(subject.document.get("annotations")),
        lambda subject: security.string_map(subject.host.get("Annotations")),
    ),
    Field(
        "hostname",
        "Config.Hostname",
        lambda subject: process.desired_name_of_host(subject, "hostname"),
        process.observed_hostname,
        note="default: the container's short id; not compared in a shared network name space",
    ),
    Field(
        "domainname",
        "Config.Domainname",
        lambda subject: process.desired_name_of_host(subject, "domainname"),
        shown("Config.Domainname", text),
    ),
    plain("tty", "Config.Tty", flag),
    plain("stdin_open", "Config.OpenStdin", flag),
    plain("init", "HostConfig.Init", exact, note="`false` and nothing are two things", always=True),
    from_image("stop_signal", "Config.StopSignal"),
    plain("stop_grace_period", "Config.StopTimeout", seconds, exact, note="in whole seconds", always=True),
    Field(
        "healthcheck",
        "Config.Healthcheck",
        process.desired_healthcheck,
        process.observed_healthcheck,
        image="Healthcheck",
        note="per part: `test interval timeout retries start_period start_interval`; default: the image's",
    ),
    Field(
        "restart",
        "HostConfig.RestartPolicy",
        process.desired_restart,
        process.observed_restart,
        "update",
        keys=("restart", "deploy"),
        clears=True,
        note="`deploy.restart_policy` wins (condition, max_attempts)",
    ),
)

_NETWORK = (
    Field(
        "network_mode",
        "HostConfig.NetworkMode",
        network.desired_mode,
        network.observed_mode,
        note="on networks of its own: only that it is not `host`, `none` or another container's",
    ),
    Field(
        "networks",
        "NetworkSettings.Networks",
        network.desired_networks,
        network.observed_networks,
        "reconnect",
        keys=("networks", "network_mode"),
        note="per network: being connected, `aliases ipv4_address ipv6_address link_local_ips gw_priority driver_opts`; "
        "a wrong `mac_address`, and `id` (of a network that is gone), take a recreate",
        always=True,
    ),
    Field(
        "mac_address",
        "NetworkSettings.Networks.*.MacAddress",
        network.desired_mac,
        network.observed_mac,
        note="only for containers made by compose 5 or later; a stopped container shows none",
    ),
    Field(
        "links",
        "NetworkSettings.Networks.*.Links",
        network.desired_links,
        network.observed_links,
        note="per alias",
        always=True,
    ),
    Field(
        "external_links",
        "NetworkSettings.Networks.*.Links",
        network.desired_external_links,
        network.observed_external_links,
    ),
    Field(
        "ports",
        "HostConfig.PortBindings",
        ports.desired_ports,
        ports.observed_ports,
        note="per container port: host addresses and ports as asked for, not the ones of the moment",
    ),
    Field(
        "expose",
        "Config.ExposedPorts",
        ports.desired_expose,
        ports.observed_expose,
        image="ExposedPorts",
        keys=("expose", "ports"),
        note="the image's, the published and the exposed ones",
    ),
    Field("extra_hosts", "HostConfig.ExtraHosts", ports.desired_hosts, ports.observed_hosts, note="per name"),
    plain("dns", "HostConfig.Dns", ports.addresses, note="in order"),
    plain("dns_opt", "HostConfig.DnsOptions", in_order, note="in order"),
    plain("dns_search", "HostConfig.DnsSearch", in_order, note="in order"),
)

_STORAGE = (
    Field(
        "volumes",
        "Mounts",
        storage.desired_mounts,
        storage.observed_mounts,
        keys=("volumes", "configs", "secrets"),
        image="Volumes",
        note="per target: type, source, read-only, propagation, selinux, nocopy, subpath, size and mode; configs and secrets "
        "that are files are read-only binds; volumes of the image are anonymous ones",
        always=True,
    ),
    Field("tmpfs", "HostConfig.Tmpfs", storage.desired_tmpfs, storage.observed_tmpfs, note="per target: options"),
    Field(
        "volumes_from",
        "HostConfig.VolumesFrom",
        storage.desired_volumes_from,
        storage.observed_volumes_from,
        note="the engine forgets `:ro`",
    ),
    plain("read_only", "HostConfig.ReadonlyRootfs", flag),
    frozen("shm_size", "HostConfig.ShmSize", size),
    Field("storage_opt", "HostConfig.StorageOpt", storage.desired_storage_opt, storage.observed_storage_opt),
    plain("volume_driver", "HostConfig.VolumeDriver", text),
)

_LIMITS = (
    limit(
        "mem_limit",
        "Memory",
        lambda subject: single(resources.memory_limit(subject.document)),
        size,
        keys=("mem_limit", "deploy"),
        kernel=("MemoryLimit",),
        note="or `deploy.resources.limits.memory`",
    ),
    limit(
        "memswap_limit",
        "MemorySwap",
        lambda subject: single(resources.memory_and_swap(subject.document)),
        size,
        keys=("memswap_limit", "mem_limit", "deploy"),
        kernel=("MemoryLimit", "SwapLimit"),
        note="default: twice the memory limit",
    ),
    limit(
        "mem_reservation",
        "MemoryReservation",
        lambda subject: single(resources.memory_reservation(subject.document)),
        positive,
        keys=("mem_reservation", "deploy"),
        kernel=("MemoryLimit",),
        note="or `deploy.resources.reservations.memory`",
    ),
    limit(
        "cpus",
        "NanoCpus",
        lambda subject: single(cpus(resources.cpu_limit(subject.document))),
        nano_cpus,
        keys=("cpus", "deploy"),
        note="or `deploy.resources.limits.cpus`",
    ),
    limit("cpu_shares", "CpuShares", lambda subject: _number(subject, "cpu_shares"), number, kernel=("CPUShares",)),
    limit("cpu_quota", "CpuQuota", lambda subject: _number(subject, "cpu_quota"), number, kernel=("CpuCfsQuota",)),
    limit("cpu_period", "CpuPeriod", lambda subject: _number(subject, "cpu_period"), number, kernel=("CpuCfsPeriod",)),
    limit(
        "cpuset", "CpusetCpus", lambda subject: single(text(subject.document.get("cpuset"))), text, kernel=("CPUSet",)
    ),
    limit(
        "pids_limit",
        "PidsLimit",
        lambda subject: single(resources.process_limit(subject.document)),
        positive,
        keys=("pids_limit", "deploy"),
        kernel=("PidsLimit",),
        clears=True,
        note="or `deploy.resources.limits.pids`; 0 and -1 are none",
    ),
    plain("cpu_rt_period", "HostConfig.CpuRealtimePeriod", microseconds),
    plain("cpu_rt_runtime", "HostConfig.CpuRealtimeRuntime", microseconds),
    Field(
        "mem_swappiness",
        "HostConfig.MemorySwappiness",
        lambda subject: _number(subject, "mem_swappiness"),
        shown("HostConfig.MemorySwappiness", number),
        droppable=True,
        note="a missing one is not told: kernels without it make the engine drop it",
    ),
    Field(
        "oom_kill_disable",
        "HostConfig.OomKillDisable",
        lambda subject: single(flag(subject.document.get("oom_kill_disable"))),
        shown("HostConfig.OomKillDisable", flag),
        kernel=("OomKillDisable",),
    ),
    plain("oom_score_adj", "HostConfig.OomScoreAdj", number),
    Field(
        "ulimits",
        "HostConfig.Ulimits",
        resources.desired_ulimits,
        resources.observed_ulimits,
        note="per name: soft:hard; the daemon's defaults, which every container shows, are left out",
    ),
    *(
        Field(
            f"blkio_config.{key}",
            f"HostConfig.{member}",
            partial(resources.desired_rates, key=key),
            partial(resources.observed_rates, member=member),
            keys=("blkio_config",),
            droppable=True,
            note="per device; a missing one is not told: kernels without it make the engine drop it",
        )
        for key, member in (
            ("weight_device", "BlkioWeightDevice"),
            ("device_read_bps", "BlkioDeviceReadBps"),
            ("device_read_iops", "BlkioDeviceReadIOps"),
            ("device_write_bps", "BlkioDeviceWriteBps"),
            ("device_write_iops", "BlkioDeviceWriteIOps"),
        )
    ),
    Field(
        "blkio_config.weight",
        "HostConfig.BlkioWeight",
        lambda subject: single(number(under(subject.document, "blkio_config", "weight"))),
        shown("HostConfig.BlkioWeight", number),
        keys=("blkio_config",),
        droppable=True,
        note="a missing one is not told: kernels without it make the engine drop it",
    ),
)

_DEVICES = (
    Field("devices", "HostConfig.Devices", resources.desired_devices, resources.observed_devices, note="per target"),
    plain("device_cgroup_rules", "HostConfig.DeviceCgroupRules", security.words),
    Field(
        "deploy.resources.reservations.devices",
        "HostConfig.DeviceRequests",
        resources.desired_requests,
        resources.observed_requests,
        keys=("deploy", "gpus", "devices"),
        note="with `gpus` (sent by compose 2.30 and later) and devices by CDI name; options are not compared",
    ),
)

_SECURITY = (
    plain("privileged", "HostConfig.Privileged", flag),
    plain("cap_add", "HostConfig.CapAdd", security.capabilities),
    plain("cap_drop", "HostConfig.CapDrop", security.capabilities),
    Field(
        "security_opt",
        "HostConfig.SecurityOpt",
        security.desired_options,
        security.observed_options,
        note="of a seccomp profile only that there is one; `label=disable` that the engine adds is left out",
    ),
    Field(
        "security_opt[systempaths]",
        "HostConfig.MaskedPaths",
        security.desired_paths,
        security.observed_paths,
        keys=("security_opt",),
        note="with HostConfig.ReadonlyPaths: whether the engine's masks over /proc and /sys are off",
        always=True,
    ),
    Field(
        "sysctls",
        "HostConfig.Sysctls",
        security.desired_sysctls,
        lambda subject: security.string_map(subject.host.get("Sysctls")),
    ),
    plain("group_add", "HostConfig.GroupAdd", security.words),
    name_space("pid", "HostConfig.PidMode"),
    Field(
        "ipc",
        "HostConfig.IpcMode",
        frozen("ipc", "HostConfig.IpcMode", text).desired,
        name_space("ipc", "HostConfig.IpcMode").observed,
        frozen="IpcMode",
        note="default: the daemon's, as recorded when the container was made",
    ),
    plain("uts", "HostConfig.UTSMode", text),
    plain("userns_mode", "HostConfig.UsernsMode", text),
    frozen("cgroup", "HostConfig.CgroupnsMode", text),
    plain("cgroup_parent", "HostConfig.CgroupParent", text),
    frozen("runtime", "HostConfig.Runtime", text),
    plain("isolation", "HostConfig.Isolation", lambda value: None if value == "default" else text(value)),
)

_OUTPUT = (
    Field(
        "logging",
        "HostConfig.LogConfig",
        resources.desired_logging,
        resources.observed_logging,
        frozen="LogConfig",
        note="per part: `driver options`; default: the daemon's, as recorded when the container was made",
    ),
)

_NOT_IN_COMPOSE = (
    plain("publish_all_ports", "HostConfig.PublishAllPorts", flag, note="compose has no word for it: must be off"),
    plain("auto_remove", "HostConfig.AutoRemove", flag, note="compose has no word for it: must be off"),
    plain("cpuset_mems", "HostConfig.CpusetMems", text, note="compose has no word for it: must be empty"),
)

SERVICE_FIELDS: tuple[Field, ...] = (
    *_IDENTITY, *_PROCESS, *_NETWORK, *_STORAGE, *_LIMITS, *_DEVICES, *_SECURITY, *_OUTPUT, *_NOT_IN_COMPOSE,
)  # fmt: skip


def _name(subject: Subject) -> str | None:
    if subject.container is None:
        return text(subject.document.get("container_name"))
    return network.container_name(subject.document, subject.world.project, subject.name, subject.container.number)


def _number(subject: Subject, key: str) -> Normal:
    return single(number(subject.document.get(key)))
