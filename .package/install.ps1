# Installs wirepost for this user, without an administrator: fetches the newest release, verifies it, and copies the
# program to %LOCALAPPDATA%\Programs\wirepost, which it adds to the user's Path.
param(
  # where wirepost.exe is put
  [string] $To = "$env:LOCALAPPDATA\Programs\wirepost",
  # where the archives and SHA256SUMS are
  [string] $From = $(if ($env:WIREPOST_RELEASES) { $env:WIREPOST_RELEASES } else { "@RELEASES@" })
)
$ErrorActionPreference = "Stop"
$ProgressPreference = "SilentlyContinue"

if ($From.StartsWith("@")) { throw "This copy does not know where releases are: name it with -From URL" }
if (-not [Environment]::Is64BitOperatingSystem) { throw "There is no program for 32-bit Windows" }
$archive = "wirepost-windows-x64.zip"
$work = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
New-Item -ItemType Directory $work | Out-Null
try {
  foreach ($name in "SHA256SUMS", $archive) {
    Invoke-WebRequest -UseBasicParsing "$From/$name" -OutFile (Join-Path $work $name)
  }
  $line = Get-Content (Join-Path $work "SHA256SUMS") | Where-Object { $_ -match "^[0-9a-f]{64}  $([regex]::Escape($archive))$" }
  if (-not $line) { throw "SHA256SUMS does not name $archive" }
  $found = (Get-FileHash -Algorithm SHA256 (Join-Path $work $archive)).Hash.ToLowerInvariant()
  if (@($line)[0].Substring(0, 64) -ne $found) { throw "$archive is not what SHA256SUMS says: nothing was installed" }
  Expand-Archive (Join-Path $work $archive) $work
  New-Item -ItemType Directory -Force $To | Out-Null
  Copy-Item -Force (Join-Path $work "wirepost\wirepost.exe") $To
  Copy-Item -Force (Join-Path $work "wirepost\LICENCES") $To
} finally {
  Remove-Item -Recurse -Force $work
}

$path = [Environment]::GetEnvironmentVariable("Path", "User")
if (($path -split ";") -notcontains $To) {
  [Environment]::SetEnvironmentVariable("Path", (@($path, $To) | Where-Object { $_ }) -join ";", "User")
  Write-Output "A new terminal finds wirepost in its Path."
}
Write-Output "$(& (Join-Path $To "wirepost.exe") --version) is in $To"
