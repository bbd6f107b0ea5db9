from program_fixtures import run_tool, toy_config, work_dir

__all__ = ['run_tool', 'toy_config', 'work_dir']
