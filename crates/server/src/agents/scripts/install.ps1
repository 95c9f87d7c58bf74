# Installs the Countersign agent on Windows, and joins the machine to the server that this script comes from.
#
# NOT YET RUN ON WINDOWS: written from the documentation of PowerShell 5.1, and waiting for its first machine.
#
# The install code comes from the environment's COUNTERSIGN_CODE.

function Install-CountersignAgent {
    $ErrorActionPreference = 'Stop'
    Set-StrictMode -Version 2

    $server = @@SERVER@@
    # The server's public key; empty where its certificate is trusted as any other.
    $pin = @@PIN@@
    # A line each: system, processor, SHA-256 of the program.
    $programs = @@PROGRAMS@@

    $chinese = (Get-UICulture).Name -like 'zh*'
    function Say([string] $English, [string] $Chinese) { if ($chinese) { $Chinese } else { $English } }

    $user = New-Object Security.Principal.WindowsPrincipal([Security.Principal.WindowsIdentity]::GetCurrent())
    if (-not $user.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw (Say 'Run this as an administrator.' '请以管理员身份运行。')
    }

    $folder = Join-Path $env:ProgramFiles 'Countersign'
    $program = Join-Path $folder 'countersign.exe'
    $state = Join-Path $env:ProgramData 'countersign-agent'
    if (-not $env:COUNTERSIGN_CODE -and -not (Test-Path (Join-Path $state 'identity.json'))) {
        throw (Say 'An install code is needed, in COUNTERSIGN_CODE.' '需要安装码，请通过 COUNTERSIGN_CODE 提供。')
    }

    switch ($env:PROCESSOR_ARCHITECTURE) {
        'AMD64' { $architecture = 'x86_64' }
        'ARM64' { $architecture = 'aarch64' }
        default { $architecture = $env:PROCESSOR_ARCHITECTURE.ToLowerInvariant() }
    }
    $hash = ''
    foreach ($line in $programs.Split("`n")) {
        $words = $line.Trim().Split(' ')
        if ($words.Length -eq 3 -and $words[0] -eq 'windows' -and $words[1] -eq $architecture) { $hash = $words[2] }
    }
    if (-not $hash) {
        throw (Say "The server has no program for windows $architecture." "服务器没有适用于 windows $architecture 的程序。")
    }

    New-Item -ItemType Directory -Force -Path $folder, $state | Out-Null
    # The key is for the system and for administrators: S-1-5-18 and S-1-5-32-544, whatever they are called here.
    & icacls.exe $state /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' | Out-Null
    if ($LASTEXITCODE -ne 0) { throw (Say "Could not protect $state." "无法保护 $state。") }

    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    $fresh = "$program.new"
    Invoke-WebRequest -UseBasicParsing -Uri "$server/agents/countersign-windows-$architecture.exe" -OutFile $fresh
    if ((Get-FileHash -Algorithm SHA256 -Path $fresh).Hash -ne $hash) {
        Remove-Item $fresh
        throw (Say 'What was downloaded is not what the server announced. Nothing was installed.' '下载的内容与服务器公布的不一致，未安装任何内容。')
    }

    $arguments = @('agent', 'join', '--server', $server, '--state', $state)
    if ($pin) { $arguments += @('--pin', $pin) }
    if ($server -like 'http://*') { $arguments += '--plain-http' }
    & $fresh @arguments
    if ($LASTEXITCODE -ne 0) {
        Remove-Item $fresh
        throw (Say 'The machine has not joined.' '机器未能加入。')
    }

    Stop-ScheduledTask -TaskName 'CountersignAgent' -ErrorAction SilentlyContinue
    Move-Item -Force $fresh $program
    $action = New-ScheduledTaskAction -Execute $program -Argument "agent run --state `"$state`""
    $trigger = New-ScheduledTaskTrigger -AtStartup
    $settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries `
        -ExecutionTimeLimit ([TimeSpan]::Zero) -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1)
    Register-ScheduledTask -Force -TaskName 'CountersignAgent' -User 'S-1-5-18' -RunLevel Highest `
        -Action $action -Trigger $trigger -Settings $settings | Out-Null
    Start-ScheduledTask -TaskName 'CountersignAgent'
    Say 'Installed; the task CountersignAgent runs.' '已安装，任务 CountersignAgent 正在运行。'
}

Install-CountersignAgent
